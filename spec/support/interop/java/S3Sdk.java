import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import software.amazon.awssdk.core.async.AsyncRequestBody;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.s3.S3AsyncClient;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.S3Configuration;
import software.amazon.awssdk.services.s3.model.ChecksumMode;
import software.amazon.awssdk.services.s3.model.CompletedPart;
import software.amazon.awssdk.services.s3.model.NoSuchKeyException;
import software.amazon.awssdk.services.s3.model.ObjectIdentifier;
import software.amazon.awssdk.services.s3.model.S3Exception;
import software.amazon.awssdk.services.s3.presigner.S3Presigner;

/**
 * The AWS SDK for Java v2 with its default settings, but for paths that name the bucket. S3Sdk ENDPOINT FILE; prints
 * `ok NAME` or `FAIL NAME: why`.
 */
public class S3Sdk {
    private static final String BUCKET = "finspace-local";
    private static final int PART = 8 << 20;

    private interface Deed {
        void run() throws Exception;
    }

    private final S3Client s3;
    private final S3AsyncClient inParts;
    private final S3Presigner presigner;
    private final Path file;
    private final byte[] whole;

    private S3Sdk(URI endpoint, Path file) throws Exception {
        s3 = S3Client.builder().endpointOverride(endpoint).forcePathStyle(true).build();
        inParts = S3AsyncClient.builder().endpointOverride(endpoint).forcePathStyle(true).multipartEnabled(true).build();
        presigner = S3Presigner.builder().endpointOverride(endpoint)
            .serviceConfiguration(S3Configuration.builder().pathStyleAccessEnabled(true).build()).build();
        this.file = file;
        whole = Files.readAllBytes(file);
    }

    private byte[] read(String key) {
        return s3.getObjectAsBytes(r -> r.bucket(BUCKET).key(key).checksumMode(ChecksumMode.ENABLED)).asByteArray();
    }

    private static void same(byte[] found, byte[] expected) {
        if (!Arrays.equals(found, expected)) throw new IllegalStateException("other bytes");
    }

    private void put() {
        s3.putObject(r -> r.bucket(BUCKET).key("java/small"), RequestBody.fromString("hello"));
        same(read("java/small"), "hello".getBytes());
    }

    private void putOfAStream() throws Exception {
        s3.putObject(r -> r.bucket(BUCKET).key("java/stream"),
            RequestBody.fromInputStream(Files.newInputStream(file), whole.length));
        same(read("java/stream"), whole);
    }

    private void uploadInParts() {
        inParts.putObject(r -> r.bucket(BUCKET).key("java/parts"), AsyncRequestBody.fromFile(file)).join();
        same(read("java/parts"), whole);
    }

    private void copyOver8MiB() {
        s3.copyObject(r -> r.sourceBucket(BUCKET).sourceKey("java/stream").destinationBucket(BUCKET)
            .destinationKey("java/copy"));
        same(read("java/copy"), whole);
        inParts.copyObject(r -> r.sourceBucket(BUCKET).sourceKey("java/parts").destinationBucket(BUCKET)
            .destinationKey("java/copied")).join();
        same(read("java/copied"), whole);
    }

    private void partsThatAreCopies() {
        String id = s3.createMultipartUpload(r -> r.bucket(BUCKET).key("java/mixed")).uploadId();
        String first = s3.uploadPart(r -> r.bucket(BUCKET).key("java/mixed").uploadId(id).partNumber(1),
            RequestBody.fromBytes(Arrays.copyOf(whole, PART))).eTag();
        String second = s3.uploadPartCopy(r -> r.sourceBucket(BUCKET).sourceKey("java/stream").destinationBucket(BUCKET)
            .destinationKey("java/mixed").uploadId(id).partNumber(2)
            .copySourceRange("bytes=" + PART + "-" + (whole.length - 1))).copyPartResult().eTag();
        s3.completeMultipartUpload(r -> r.bucket(BUCKET).key("java/mixed").uploadId(id).multipartUpload(m -> m.parts(
            CompletedPart.builder().partNumber(1).eTag(first).build(),
            CompletedPart.builder().partNumber(2).eTag(second).build())));
        same(read("java/mixed"), whole);
    }

    private void list() {
        long found = s3.listObjectsV2Paginator(r -> r.bucket(BUCKET).prefix("java/").maxKeys(2)).contents().stream().count();
        if (found != 6) throw new IllegalStateException(found + " keys");
    }

    private void range() {
        same(s3.getObjectAsBytes(r -> r.bucket(BUCKET).key("java/small").range("bytes=1-2")).asByteArray(), "el".getBytes());
    }

    private void presign() throws Exception {
        Duration minute = Duration.ofMinutes(1);
        HttpClient http = HttpClient.newHttpClient();
        URI put = presigner.presignPutObject(r -> r.signatureDuration(minute)
            .putObjectRequest(p -> p.bucket(BUCKET).key("java/put"))).url().toURI();
        http.send(HttpRequest.newBuilder(put).PUT(HttpRequest.BodyPublishers.ofString("by URL")).build(), BodyHandlers.ofString());
        URI get = presigner.presignGetObject(r -> r.signatureDuration(minute)
            .getObjectRequest(p -> p.bucket(BUCKET).key("java/put"))).url().toURI();
        same(http.send(HttpRequest.newBuilder(get).build(), BodyHandlers.ofByteArray()).body(), "by URL".getBytes());
    }

    private void conditions() {
        try {
            s3.putObject(r -> r.bucket(BUCKET).key("java/small").ifNoneMatch("*"), RequestBody.fromString("another"));
            throw new IllegalStateException("stored");
        } catch (S3Exception refusal) {
            if (refusal.statusCode() != 412) throw refusal;
        }
        same(read("java/small"), "hello".getBytes());
    }

    private void delete() {
        List<ObjectIdentifier> objects = Stream.of("small", "stream", "parts", "copy", "copied", "mixed", "put")
            .map(name -> ObjectIdentifier.builder().key("java/" + name).build()).toList();
        s3.deleteObjects(r -> r.bucket(BUCKET).delete(d -> d.objects(objects)));
        try {
            read("java/small");
            throw new IllegalStateException("still there");
        } catch (NoSuchKeyException expected) {
            // as it is to be
        }
    }

    private static void say(String name, Deed deed) {
        try {
            deed.run();
            System.out.println("ok " + name);
        } catch (Exception problem) {
            System.out.println("FAIL " + name + ": " + problem);
        }
    }

    public static void main(String[] arguments) throws Exception {
        S3Sdk sdk = new S3Sdk(URI.create(arguments[0]), Path.of(arguments[1]));
        say("put", sdk::put);
        say("put of a stream", sdk::putOfAStream);
        say("upload in parts", sdk::uploadInParts);
        say("copy over 8 MiB", sdk::copyOver8MiB);
        say("parts that are copies", sdk::partsThatAreCopies);
        say("list", sdk::list);
        say("range", sdk::range);
        say("presign", sdk::presign);
        say("conditions", sdk::conditions);
        say("delete", sdk::delete);
        System.exit(0); // whatever threads the clients keep
    }
}
