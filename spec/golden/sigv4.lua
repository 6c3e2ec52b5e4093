-- Requests and every stage of their signatures, as this project's signer makes them: a difference is a
-- change of what goes over the wire. sigv4_differential_spec compares the same rules with botocore.
-- luacheck: max line length 1000
return {
  {
    name = "a changeset is created",
    form = "header",
    service = "finspace-api",
    region = "us-east-1",
    method = "POST",
    path = "/datasets/dataset1/changesetsv2",
    query = "",
    headers = {
      { "host", "finspace-api.us-east-1.amazonaws.com" },
      { "content-type", "application/json" },
    },
    body = [[
{"changeType":"APPEND","clientToken":"b7f4","formatParams":{"formatType":"CSV"},"sourceParams":{"s3SourcePath":"s3://bucket/key.csv","sourceType":"S3"}}]],
    expected = {
      canonical_request = [[
POST
/datasets/dataset1/changesetsv2

content-type:application/json
host:finspace-api.us-east-1.amazonaws.com
x-amz-date:20260921T141320Z

content-type;host;x-amz-date
d705a1c7672b463595a6831ee96b70cebc7ef337f1a1afeae4c9a8d1d1a05353]],
      string_to_sign = [[
AWS4-HMAC-SHA256
20260921T141320Z
20260921/us-east-1/finspace-api/aws4_request
003ed779f696602432f165a63d78246c31bfe42423e1eda7079aa080a29cbcd2]],
      signature = "0d30216fa63aad43a8ca0ab4da6cf4760004438ba960d692dfd4f72ccba39d43",
      authorization = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260921/us-east-1/finspace-api/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=0d30216fa63aad43a8ca0ab4da6cf4760004438ba960d692dfd4f72ccba39d43",
    },
  },
  {
    name = "a session token is signed",
    form = "header",
    service = "finspace-api",
    region = "us-east-1",
    method = "POST",
    path = "/workingLocationV1",
    query = "",
    headers = {
      { "content-type", "application/json" },
      { "host", "finspace-api.us-east-1.amazonaws.com" },
    },
    body = [[
{"locationType":"INGESTION"}]],
    session_token = "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQ==",
    expected = {
      canonical_request = [[
POST
/workingLocationV1

content-type:application/json
host:finspace-api.us-east-1.amazonaws.com
x-amz-date:20260921T141320Z
x-amz-security-token:AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQ==

content-type;host;x-amz-date;x-amz-security-token
cb664e8394ed690fe099c347e85ec7d6dc1eda9fdf1224708ab3f8490b0dfb7e]],
      string_to_sign = [[
AWS4-HMAC-SHA256
20260921T141320Z
20260921/us-east-1/finspace-api/aws4_request
1a7264c03d8b52fd84288b9d27b836094f7c062cbf5f22995ebc1da4ac2b8fef]],
      signature = "42997b0b8b26a0b0de3bcdf2c7c97f08fdfdaf62974c1d1649e87c2494a91100",
      authorization = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260921/us-east-1/finspace-api/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, Signature=42997b0b8b26a0b0de3bcdf2c7c97f08fdfdaf62974c1d1649e87c2494a91100",
    },
  },
  {
    name = "a session token is added after signing",
    form = "header",
    service = "finspace-api",
    region = "us-east-1",
    method = "POST",
    path = "/workingLocationV1",
    query = "",
    headers = {
      { "host", "finspace-api.us-east-1.amazonaws.com" },
      { "content-type", "application/json" },
    },
    body = "{}",
    session_token = "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQ==",
    omit_session_token = true,
    expected = {
      canonical_request = [[
POST
/workingLocationV1

content-type:application/json
host:finspace-api.us-east-1.amazonaws.com
x-amz-date:20260921T141320Z

content-type;host;x-amz-date
44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a]],
      string_to_sign = [[
AWS4-HMAC-SHA256
20260921T141320Z
20260921/us-east-1/finspace-api/aws4_request
686f353f51d0abb7e20c89e01ae3251abbc38174257f415a69038ac98a2c0183]],
      signature = "192e7cc7a2e56e0c4b03f278235a3fc83cee34a3a66f771b85e565c5c77ffd0e",
      authorization = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260921/us-east-1/finspace-api/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=192e7cc7a2e56e0c4b03f278235a3fc83cee34a3a66f771b85e565c5c77ffd0e",
    },
  },
  {
    name = "a segment's escapes are encoded once more",
    form = "header",
    service = "finspace-api",
    region = "us-east-1",
    method = "GET",
    path = "/datasetsv2/a%2Fb%20c%25",
    query = "",
    headers = {
      { "host", "finspace-api.us-east-1.amazonaws.com" },
    },
    expected = {
      canonical_request = [[
GET
/datasetsv2/a%252Fb%2520c%2525

host:finspace-api.us-east-1.amazonaws.com
x-amz-date:20260921T141320Z

host;x-amz-date
e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855]],
      string_to_sign = [[
AWS4-HMAC-SHA256
20260921T141320Z
20260921/us-east-1/finspace-api/aws4_request
60aa6a876cc9f967174193936c95c980735badaffb3b798db2dad741c48a2967]],
      signature = "f6604c64577111023c4e9d419de779e804947f46669552b0f12417e706057867",
      authorization = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260921/us-east-1/finspace-api/aws4_request, SignedHeaders=host;x-amz-date, Signature=f6604c64577111023c4e9d419de779e804947f46669552b0f12417e706057867",
    },
  },
  {
    name = "dot segments and doubled slashes are resolved",
    form = "header",
    service = "finspace-api",
    region = "us-east-1",
    method = "GET",
    path = "/a//b/./c/../d/",
    query = "",
    headers = {
      { "host", "finspace-api.us-east-1.amazonaws.com" },
    },
    expected = {
      canonical_request = [[
GET
/a/b/d/

host:finspace-api.us-east-1.amazonaws.com
x-amz-date:20260921T141320Z

host;x-amz-date
e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855]],
      string_to_sign = [[
AWS4-HMAC-SHA256
20260921T141320Z
20260921/us-east-1/finspace-api/aws4_request
c63f1a986be2f63b2eb3833cdf12a5f5dfa9776037710c98600ae298f1bb030f]],
      signature = "eb7f85b0decf9a94acc58e559312512b6dcbee477f00e7dfb1b433e52d66f22f",
      authorization = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260921/us-east-1/finspace-api/aws4_request, SignedHeaders=host;x-amz-date, Signature=eb7f85b0decf9a94acc58e559312512b6dcbee477f00e7dfb1b433e52d66f22f",
    },
  },
  {
    name = "a path is raw UTF-8",
    form = "header",
    service = "finspace-api",
    region = "us-east-1",
    method = "GET",
    path = "/\225\136\180/x y",
    query = "",
    headers = {
      { "host", "finspace-api.us-east-1.amazonaws.com" },
    },
    expected = {
      canonical_request = [[
GET
/%E1%88%B4/x%20y

host:finspace-api.us-east-1.amazonaws.com
x-amz-date:20260921T141320Z

host;x-amz-date
e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855]],
      string_to_sign = [[
AWS4-HMAC-SHA256
20260921T141320Z
20260921/us-east-1/finspace-api/aws4_request
0666a8940372877f8154673e8a2ffeda5b0bef361d21b3193c23c528c4a6dc76]],
      signature = "3ec476e06058b565f31dafd65a090716693f7f5075b0438b2c1dbc81705a5be6",
      authorization = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260921/us-east-1/finspace-api/aws4_request, SignedHeaders=host;x-amz-date, Signature=3ec476e06058b565f31dafd65a090716693f7f5075b0438b2c1dbc81705a5be6",
    },
  },
  {
    name = "pairs are sorted by their encoded names, then values",
    form = "header",
    service = "finspace-api",
    region = "us-east-1",
    method = "DELETE",
    path = "/datasetsv2/d",
    query = "b=2&clientToken=x&a=%7Ez&a=%2fz&a-=1&a%2b=1&B&empty=&=noname&%C3%A9=1&a=+",
    headers = {
      { "host", "finspace-api.us-east-1.amazonaws.com" },
    },
    expected = {
      canonical_request = [[
DELETE
/datasetsv2/d
=noname&%C3%A9=1&B=&a=%2B&a=%2Fz&a=~z&a%2B=1&a-=1&b=2&clientToken=x&empty=
host:finspace-api.us-east-1.amazonaws.com
x-amz-date:20260921T141320Z

host;x-amz-date
e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855]],
      string_to_sign = [[
AWS4-HMAC-SHA256
20260921T141320Z
20260921/us-east-1/finspace-api/aws4_request
723340b33ab100529df31ca838f8de3d768f63f4ea9acb2b9165df5658c19258]],
      signature = "ce7bee1ebbb805fe57f9326a6c4f942eb26710a2ac3b24a285d4f5666df9e102",
      authorization = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260921/us-east-1/finspace-api/aws4_request, SignedHeaders=host;x-amz-date, Signature=ce7bee1ebbb805fe57f9326a6c4f942eb26710a2ac3b24a285d4f5666df9e102",
    },
  },
  {
    name = "blanks fold, names sort, values join",
    form = "header",
    service = "finspace-api",
    region = "us-east-1",
    method = "GET",
    path = "/datasetsv2",
    query = "",
    headers = {
      { "X-Custom", "  a \t b  " },
      { "host", "finspace-api.us-east-1.amazonaws.com" },
      { "My-List", "2" },
      { "my-list", "1 " },
      { "Empty", "" },
      { "folded", "one\13\n   two\n\tthree" },
      { "User-Agent", "not signed" },
      { "Connection", "keep-alive" },
    },
    expected = {
      canonical_request = [[
GET
/datasetsv2

empty:
folded:one two three
host:finspace-api.us-east-1.amazonaws.com
my-list:2,1
x-amz-date:20260921T141320Z
x-custom:a b

empty;folded;host;my-list;x-amz-date;x-custom
e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855]],
      string_to_sign = [[
AWS4-HMAC-SHA256
20260921T141320Z
20260921/us-east-1/finspace-api/aws4_request
aaa69dc054b4eea5ba2cef1745a4913a61b672120dc2e7dd69cfbebb0f7a0b9f]],
      signature = "d082dcc8b608a13226ab7fe6a5e5cd9948762f4d5ba9cb3e6d11cd6952877112",
      authorization = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260921/us-east-1/finspace-api/aws4_request, SignedHeaders=empty;folded;host;my-list;x-amz-date;x-custom, Signature=d082dcc8b608a13226ab7fe6a5e5cd9948762f4d5ba9cb3e6d11cd6952877112",
    },
  },
  {
    name = "S3's path is signed as it stands, and its body is hashed",
    form = "header",
    service = "s3",
    region = "eu-west-1",
    method = "PUT",
    path = "/bucket/a//b/../%20c+d=%2Fe~",
    query = "",
    headers = {
      { "host", "s3.eu-west-1.amazonaws.com" },
      { "x-amz-meta-note", "caf\195\169" },
    },
    body = [[
day,price
1,2
]],
    expected = {
      canonical_request = [[
PUT
/bucket/a//b/../%20c+d=%2Fe~

host:s3.eu-west-1.amazonaws.com
x-amz-content-sha256:31a3c0462ee4fe90d234f6726fc5b03cd035728d775f87817acf9080b024e391
x-amz-date:20260921T141320Z
x-amz-meta-note:café

host;x-amz-content-sha256;x-amz-date;x-amz-meta-note
31a3c0462ee4fe90d234f6726fc5b03cd035728d775f87817acf9080b024e391]],
      string_to_sign = [[
AWS4-HMAC-SHA256
20260921T141320Z
20260921/eu-west-1/s3/aws4_request
91d69b00b1c4ffe40cb1422f4ce46bb0291d0e9841355e06eceed40365595992]],
      signature = "2521cca287579fca71aeda6bea4a46808e2c8ef94fefc12eeab2c5759fa5c0b8",
      authorization = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260921/eu-west-1/s3/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-meta-note, Signature=2521cca287579fca71aeda6bea4a46808e2c8ef94fefc12eeab2c5759fa5c0b8",
    },
  },
  {
    name = "S3 takes a body that is not hashed",
    form = "header",
    service = "s3",
    region = "eu-west-1",
    method = "PUT",
    path = "/bucket/key",
    query = "partNumber=1&uploadId=abc%3D%3D",
    headers = {
      { "host", "s3.eu-west-1.amazonaws.com" },
    },
    payload_hash = "UNSIGNED-PAYLOAD",
    expected = {
      canonical_request = [[
PUT
/bucket/key
partNumber=1&uploadId=abc%3D%3D
host:s3.eu-west-1.amazonaws.com
x-amz-content-sha256:UNSIGNED-PAYLOAD
x-amz-date:20260921T141320Z

host;x-amz-content-sha256;x-amz-date
UNSIGNED-PAYLOAD]],
      string_to_sign = [[
AWS4-HMAC-SHA256
20260921T141320Z
20260921/eu-west-1/s3/aws4_request
4579ae8a934b103af9af4252b60df02923de4a3e3566ff8b08252b801d825f6f]],
      signature = "d295bc2d9251cb3e16fe74f87eb51a49ba0482e78a5a10b2a21f5ec30c87782f",
      authorization = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260921/eu-west-1/s3/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=d295bc2d9251cb3e16fe74f87eb51a49ba0482e78a5a10b2a21f5ec30c87782f",
    },
  },
  {
    name = "a request is presigned",
    form = "query",
    service = "finspace-api",
    region = "us-east-1",
    method = "GET",
    path = "/datasetsv2",
    query = "maxResults=10",
    headers = {
      { "host", "finspace-api.us-east-1.amazonaws.com" },
    },
    expires = 900,
    expected = {
      canonical_request = [[
GET
/datasetsv2
X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20260921%2Fus-east-1%2Ffinspace-api%2Faws4_request&X-Amz-Date=20260921T141320Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host&maxResults=10
host:finspace-api.us-east-1.amazonaws.com

host
e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855]],
      string_to_sign = [[
AWS4-HMAC-SHA256
20260921T141320Z
20260921/us-east-1/finspace-api/aws4_request
0e8ba2cb49c97289f5f365b9e183dbfdfccceaa8ecd97fc624164d9af2fd5aa2]],
      signature = "84ae96c3a73931e8fe0969164800ee543e22bef0b17b3c799c1dbdb642208fa2",
      query = "maxResults=10&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20260921%2Fus-east-1%2Ffinspace-api%2Faws4_request&X-Amz-Date=20260921T141320Z&X-Amz-SignedHeaders=host&X-Amz-Expires=900&X-Amz-Signature=84ae96c3a73931e8fe0969164800ee543e22bef0b17b3c799c1dbdb642208fa2",
    },
  },
  {
    name = "a presigned request carries its token",
    form = "query",
    service = "finspace-api",
    region = "us-east-1",
    method = "GET",
    path = "/datasetsv2",
    query = "",
    headers = {
      { "host", "finspace-api.us-east-1.amazonaws.com" },
    },
    session_token = "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQ==",
    expires = 604800,
    expected = {
      canonical_request = [[
GET
/datasetsv2
X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20260921%2Fus-east-1%2Ffinspace-api%2Faws4_request&X-Amz-Date=20260921T141320Z&X-Amz-Expires=604800&X-Amz-Security-Token=AQoDYXdzEPT%2F%2F%2F%2F%2F%2F%2F%2F%2F%2FwEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQ%3D%3D&X-Amz-SignedHeaders=host
host:finspace-api.us-east-1.amazonaws.com

host
e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855]],
      string_to_sign = [[
AWS4-HMAC-SHA256
20260921T141320Z
20260921/us-east-1/finspace-api/aws4_request
ff2187657359b141dbef52320c897444fce2f1b74cd94b140f727b39bbb56d9a]],
      signature = "b6bef6bc9320be240958ca313a6d238e686fa6bf4a51bb561e53f90a5330f3d4",
      query = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20260921%2Fus-east-1%2Ffinspace-api%2Faws4_request&X-Amz-Date=20260921T141320Z&X-Amz-SignedHeaders=host&X-Amz-Expires=604800&X-Amz-Security-Token=AQoDYXdzEPT%2F%2F%2F%2F%2F%2F%2F%2F%2F%2FwEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQ%3D%3D&X-Amz-Signature=b6bef6bc9320be240958ca313a6d238e686fa6bf4a51bb561e53f90a5330f3d4",
    },
  },
  {
    name = "a presigned request gets its token after signing",
    form = "query",
    service = "finspace-api",
    region = "us-east-1",
    method = "GET",
    path = "/",
    query = "",
    headers = {
      { "host", "finspace-api.us-east-1.amazonaws.com" },
    },
    session_token = "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQ==",
    omit_session_token = true,
    expected = {
      canonical_request = [[
GET
/
X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20260921%2Fus-east-1%2Ffinspace-api%2Faws4_request&X-Amz-Date=20260921T141320Z&X-Amz-Expires=3600&X-Amz-SignedHeaders=host
host:finspace-api.us-east-1.amazonaws.com

host
e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855]],
      string_to_sign = [[
AWS4-HMAC-SHA256
20260921T141320Z
20260921/us-east-1/finspace-api/aws4_request
aeb15fdfba53303786c380383a9e2aafc96fa93cdade2f37ec373f8a12119fe8]],
      signature = "fa2a8dd617ac2de3e69bf088a8e9280ff9cadeb483690f6c60f4fd75c015c3df",
      query = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20260921%2Fus-east-1%2Ffinspace-api%2Faws4_request&X-Amz-Date=20260921T141320Z&X-Amz-SignedHeaders=host&X-Amz-Expires=3600&X-Amz-Signature=fa2a8dd617ac2de3e69bf088a8e9280ff9cadeb483690f6c60f4fd75c015c3df&X-Amz-Security-Token=AQoDYXdzEPT%2F%2F%2F%2F%2F%2F%2F%2F%2F%2FwEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQ%3D%3D",
    },
  },
  {
    name = "S3 presigns without the body",
    form = "query",
    service = "s3",
    region = "eu-west-1",
    method = "PUT",
    path = "/bucket/a%20b",
    query = "",
    headers = {
      { "host", "s3.eu-west-1.amazonaws.com" },
      { "x-amz-acl", "private" },
    },
    expected = {
      canonical_request = [[
PUT
/bucket/a%20b
X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20260921%2Feu-west-1%2Fs3%2Faws4_request&X-Amz-Date=20260921T141320Z&X-Amz-Expires=3600&X-Amz-SignedHeaders=host%3Bx-amz-acl
host:s3.eu-west-1.amazonaws.com
x-amz-acl:private

host;x-amz-acl
UNSIGNED-PAYLOAD]],
      string_to_sign = [[
AWS4-HMAC-SHA256
20260921T141320Z
20260921/eu-west-1/s3/aws4_request
65119979ef91f4b10f283ff0804a2d99b004fdb831442ba373821add65f86ff3]],
      signature = "49b07ce09a770405b65b9b5c639262d5e0b99fc8fa828c0f891300b614a854e3",
      query = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20260921%2Feu-west-1%2Fs3%2Faws4_request&X-Amz-Date=20260921T141320Z&X-Amz-SignedHeaders=host%3Bx-amz-acl&X-Amz-Expires=3600&X-Amz-Signature=49b07ce09a770405b65b9b5c639262d5e0b99fc8fa828c0f891300b614a854e3",
    },
  },
}
