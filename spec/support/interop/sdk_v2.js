// The AWS SDK for JavaScript v2 with its default settings; but presigning, whose default is Signature Version 2,
// is told to use SigV4. node sdk_v2.js ENDPOINT FILE; prints `ok NAME` or `FAIL NAME: why`.
const { createHash } = require('node:crypto');
const fs = require('node:fs');
const { createRequire } = require('node:module');
const AWS = createRequire(process.cwd() + '/package.json')('aws-sdk');

const [endpoint, file] = process.argv.slice(2);
const Bucket = 'finspace-local';
const settings = { endpoint, region: 'us-east-1', s3ForcePathStyle: true };
const s3 = new AWS.S3(settings);
const sum = (bytes) => createHash('md5').update(bytes).digest('hex');
const whole = sum(fs.readFileSync(file));
const call = (name, more) => s3[name]({ Bucket, ...more }).promise();
const read = async (Key, more) => (await call('getObject', { Key, ...more })).Body;

function same(found, expected) {
  if (found !== expected) throw new Error(`${found} is not ${expected}`);
}

const deeds = {
  async 'put'() {
    await call('putObject', { Key: 'v2/small', Body: 'hello' });
    same((await read('v2/small')).toString(), 'hello');
  },
  async 'put of a file as a stream'() {
    await call('putObject', { Key: 'v2/file', Body: fs.createReadStream(file) });
    same(sum(await read('v2/file')), whole);
  },
  async 'upload in parts'() {
    await call('upload', { Key: 'v2/parts', Body: fs.createReadStream(file) });
    same(sum(await read('v2/parts')), whole);
  },
  async 'copy'() {
    await call('copyObject', { Key: 'v2/copy', CopySource: Bucket + '/v2/parts' });
    same(sum(await read('v2/copy')), whole);
  },
  async 'list'() {
    same((await call('listObjectsV2', { Prefix: 'v2/' })).KeyCount, 4);
  },
  async 'range'() {
    same((await read('v2/small', { Range: 'bytes=1-2' })).toString(), 'el');
  },
  async 'presign'() {
    const signer = new AWS.S3({ ...settings, signatureVersion: 'v4' });
    const get = signer.getSignedUrl('getObject', { Bucket, Key: 'v2/small' });
    same(await (await fetch(get)).text(), 'hello');
    const put = signer.getSignedUrl('putObject', { Bucket, Key: 'v2/put' });
    same((await fetch(put, { method: 'PUT', body: 'by URL' })).status, 200);
    const old = await fetch(s3.getSignedUrl('getObject', { Bucket, Key: 'v2/small' }));
    same((await old.text()).includes('SigV4'), true);
  },
  async 'delete'() {
    await call('deleteObject', { Key: 'v2/small' });
    const Objects = ['file', 'parts', 'copy', 'put'].map((name) => ({ Key: 'v2/' + name }));
    same((await call('deleteObjects', { Delete: { Objects } })).Deleted.length, 4);
  },
};

(async () => {
  for (const [name, deed] of Object.entries(deeds)) {
    await deed().then(() => console.log('ok ' + name), (error) => console.log(`FAIL ${name}: ${error}`));
  }
})();
