// npm's minio with its default settings. node minio_client.js ENDPOINT FILE; prints `ok NAME` or `FAIL NAME: why`.
const { createHash } = require('node:crypto');
const fs = require('node:fs');
const { createRequire } = require('node:module');
const Minio = createRequire(process.cwd() + '/package.json')('minio');

const [endpoint, file] = process.argv.slice(2);
const url = new URL(endpoint);
const bucket = 'finspace-local';
const client = new Minio.Client({
  endPoint: url.hostname,
  port: Number(url.port),
  useSSL: url.protocol === 'https:',
  accessKey: process.env.AWS_ACCESS_KEY_ID,
  secretKey: process.env.AWS_SECRET_ACCESS_KEY,
});
const sum = (bytes) => createHash('md5').update(bytes).digest('hex');
const whole = sum(fs.readFileSync(file));

async function all(stream) {
  const found = [];
  for await (const one of await stream) found.push(one);
  return found;
}

const read = async (key) => Buffer.concat(await all(client.getObject(bucket, key)));

function same(found, expected) {
  if (found !== expected) throw new Error(`${found} is not ${expected}`);
}

const deeds = {
  async 'put'() {
    await client.putObject(bucket, 'minio/small', 'hello');
    same((await read('minio/small')).toString(), 'hello');
  },
  async 'put of a stream'() {
    await client.putObject(bucket, 'minio/stream', fs.createReadStream(file));
    same(sum(await read('minio/stream')), whole);
  },
  async 'upload in parts'() {
    await client.fPutObject(bucket, 'minio/parts', file);
    same(sum(await read('minio/parts')), whole);
  },
  async 'copy'() {
    await client.copyObject(bucket, 'minio/copy', `/${bucket}/minio/parts`);
    same(sum(await read('minio/copy')), whole);
  },
  async 'list'() {
    same((await all(client.listObjectsV2(bucket, 'minio/', true))).length, 4);
  },
  async 'range'() {
    same(Buffer.concat(await all(client.getPartialObject(bucket, 'minio/small', 1, 2))).toString(), 'el');
  },
  async 'presign'() {
    same(await (await fetch(await client.presignedGetObject(bucket, 'minio/small'))).text(), 'hello');
    const put = await client.presignedPutObject(bucket, 'minio/put');
    same((await fetch(put, { method: 'PUT', body: 'by URL' })).status, 200);
  },
  async 'delete'() {
    await client.removeObject(bucket, 'minio/small');
    await client.removeObjects(bucket, ['stream', 'parts', 'copy', 'put'].map((name) => 'minio/' + name));
    same((await all(client.listObjectsV2(bucket, 'minio/', true))).length, 0);
  },
};

(async () => {
  for (const [name, deed] of Object.entries(deeds)) {
    await deed().then(() => console.log('ok ' + name), (error) => console.log(`FAIL ${name}: ${error}`));
  }
})();
