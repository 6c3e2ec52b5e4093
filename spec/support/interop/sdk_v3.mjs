// The AWS SDK for JavaScript v3 with its default settings. node sdk_v3.mjs ENDPOINT FILE, in a folder that has
// the packages; prints a line a deed, `ok NAME` or `FAIL NAME: why`.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import { Readable } from 'node:stream';

const require = createRequire(process.cwd() + '/package.json');
const S3 = require('@aws-sdk/client-s3');
const { Upload } = require('@aws-sdk/lib-storage');
const { getSignedUrl } = require('@aws-sdk/s3-request-presigner');

const [endpoint, file] = process.argv.slice(2);
const Bucket = 'finspace-local';
const client = new S3.S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true });
const sum = (bytes) => createHash('md5').update(bytes).digest('hex');
const whole = sum(fs.readFileSync(file));
const send = (name, more) => client.send(new S3[name + 'Command']({ Bucket, ...more }));

async function read(Key, more) {
  const answer = await send('GetObject', { Key, ...more });
  return Buffer.from(await answer.Body.transformToByteArray());
}

function same(found, expected) {
  if (found !== expected) throw new Error(`${found} is not ${expected}`);
}

const deeds = {
  async 'put'() {
    await send('PutObject', { Key: 'v3/small', Body: 'hello' });
    same((await read('v3/small')).toString(), 'hello');
  },
  async 'put of a file as a stream'() {
    await send('PutObject', { Key: 'v3/file', Body: fs.createReadStream(file) });
    same(sum(await read('v3/file')), whole);
  },
  async 'put of a stream'() {
    await send('PutObject', { Key: 'v3/stream', Body: Readable.from([Buffer.from('abc')]), ContentLength: 3 });
    same((await read('v3/stream')).toString(), 'abc');
  },
  async 'upload in parts (lib-storage)'() {
    await new Upload({ client, params: { Bucket, Key: 'v3/parts', Body: fs.createReadStream(file) } }).done();
    same(sum(await read('v3/parts')), whole);
  },
  async 'copy'() {
    await send('CopyObject', { Key: 'v3/copy', CopySource: Bucket + '/v3/parts' });
    same(sum(await read('v3/copy')), whole);
  },
  async 'copy of parts'() {
    const { UploadId } = await send('CreateMultipartUpload', { Key: 'v3/copied' });
    const part = { Key: 'v3/copied', UploadId, PartNumber: 1, CopySource: Bucket + '/v3/parts' };
    const { CopyPartResult } = await send('UploadPartCopy', part);
    const Parts = [{ PartNumber: 1, ...CopyPartResult }];
    await send('CompleteMultipartUpload', { Key: 'v3/copied', UploadId, MultipartUpload: { Parts } });
    same(sum(await read('v3/copied')), whole);
  },
  async 'list'() {
    same((await send('ListObjectsV2', { Prefix: 'v3/' })).KeyCount, 6);
  },
  async 'range'() {
    same((await read('v3/small', { Range: 'bytes=1-2' })).toString(), 'el');
  },
  async 'presign'() {
    const get = await getSignedUrl(client, new S3.GetObjectCommand({ Bucket, Key: 'v3/small' }));
    same(await (await fetch(get)).text(), 'hello');
    const put = await getSignedUrl(client, new S3.PutObjectCommand({ Bucket, Key: 'v3/put' }));
    same((await fetch(put, { method: 'PUT', body: 'by URL' })).status, 200);
    same((await read('v3/put')).toString(), 'by URL');
  },
  async 'delete'() {
    await send('DeleteObject', { Key: 'v3/small' });
    const Objects = ['file', 'stream', 'parts', 'copy', 'copied', 'put'].map((name) => ({ Key: 'v3/' + name }));
    same((await send('DeleteObjects', { Delete: { Objects } })).Deleted.length, 6);
  },
};

for (const [name, deed] of Object.entries(deeds)) {
  await deed().then(() => console.log('ok ' + name), (error) => console.log(`FAIL ${name}: ${error}`));
}
