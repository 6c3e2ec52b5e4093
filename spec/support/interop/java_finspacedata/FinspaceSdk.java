import java.net.URI;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Supplier;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.AwsCredentials;
import software.amazon.awssdk.auth.credentials.AwsSessionCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.awscore.exception.AwsServiceException;
import software.amazon.awssdk.core.SdkField;
import software.amazon.awssdk.core.SdkPojo;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.finspacedata.FinspaceDataClient;
import software.amazon.awssdk.services.finspacedata.model.*;

/**
 * The AWS SDK for Java v2 calls all 31 operations of the FinSpace API. FinspaceSdk ENDPOINT KEY_ID SECRET SOURCE, where
 * SOURCE is the s3:// URI of a staged CSV with the columns ticker and price. Prints, one a line: each operation that was
 * called; `lacks` and the members that no answer of an operation brought; and of which type the errors are.
 */
@SuppressWarnings("deprecation") // the service is no longer Amazon's
public class FinspaceSdk {
    private final FinspaceDataClient api;
    private final String source;
    /** The members that every answer of an operation lacked. */
    private final Map<String, Set<String>> lacking = new TreeMap<>();

    private FinspaceSdk(FinspaceDataClient api, String source) {
        this.api = api;
        this.source = source;
    }

    private static FinspaceDataClient client(String endpoint, AwsCredentials keys) {
        return FinspaceDataClient.builder().endpointOverride(URI.create(endpoint)).region(Region.US_EAST_1)
            .credentialsProvider(StaticCredentialsProvider.create(keys)).build();
    }

    // --- what answers bring ------------------------------------------------------------------------

    private static void read(Object value, Set<String> given, Set<String> absent) {
        if (value instanceof SdkPojo) {
            for (SdkField<?> field : ((SdkPojo) value).sdkFields()) readMember(field, value, given, absent);
        } else if (value instanceof Collection) {
            for (Object item : (Collection<?>) value) read(item, given, absent);
        }
    }

    /** The SDK gives a list or map that was not sent as an empty one of its own class. */
    private static void readMember(SdkField<?> field, Object owner, Set<String> given, Set<String> absent) {
        Object member = field.getValueOrDefault(owner);
        boolean isThere = member != null && !member.getClass().getSimpleName().startsWith("DefaultSdkAuto");
        (isThere ? given : absent).add(field.locationName());
        read(member, given, absent);
    }

    private <T extends SdkPojo> T note(T answer) {
        String operation = answer.getClass().getSimpleName().replaceFirst("Response$", "");
        Set<String> given = new TreeSet<>(), absent = new TreeSet<>();
        read(answer, given, absent);
        absent.removeAll(given);
        lacking.computeIfAbsent(operation, name -> new TreeSet<>(absent)).retainAll(absent);
        return answer;
    }

    private void print() {
        lacking.forEach((operation, members) -> {
            System.out.println("called " + operation);
            for (String member : members) System.out.println("lacks " + operation + " " + member);
        });
    }

    // --- the operations ----------------------------------------------------------------------------

    private String makeGroup() {
        ApplicationPermission permission = ApplicationPermission.CREATE_DATASET;
        String group = note(api.createPermissionGroup(r -> r.name("Analysts").description("d")
            .applicationPermissions(permission))).permissionGroupId();
        note(api.updatePermissionGroup(r -> r.permissionGroupId(group).description("They read")
            .applicationPermissions(permission)));
        note(api.getPermissionGroup(r -> r.permissionGroupId(group)));
        note(api.listPermissionGroups(r -> r.maxResults(100)));
        return group;
    }

    private String makeUser() {
        String user = note(api.createUser(r -> r.emailAddress("java@example.org").type(UserType.APP_USER).firstName("Ada")
            .lastName("King").apiAccess(ApiAccess.ENABLED)
            .apiAccessPrincipalArn("arn:aws:iam::123456789012:role/java"))).userId();
        note(api.updateUser(r -> r.userId(user).firstName("Augusta")));
        note(api.resetUserPassword(r -> r.userId(user)));
        note(api.disableUser(r -> r.userId(user)));
        note(api.enableUser(r -> r.userId(user)));
        note(api.getUser(r -> r.userId(user)));
        note(api.listUsers(r -> r.maxResults(100)));
        return user;
    }

    private void join(String user, String group) {
        note(api.associateUserToPermissionGroup(r -> r.permissionGroupId(group).userId(user)));
        note(api.listUsersByPermissionGroup(r -> r.permissionGroupId(group).maxResults(5)));
        note(api.listPermissionGroupsByUser(r -> r.userId(user).maxResults(5)));
    }

    private static ColumnDefinition column(String name, ColumnDataType type) {
        return ColumnDefinition.builder().columnName(name).dataType(type).columnDescription("d").build();
    }

    private String makeDataset(String group) {
        SchemaDefinition table = SchemaDefinition.builder().primaryKeyColumns("ticker")
            .columns(column("ticker", ColumnDataType.STRING), column("price", ColumnDataType.DOUBLE)).build();
        String dataset = note(api.createDataset(r -> r.datasetTitle("Prices").kind(DatasetKind.TABULAR)
            .datasetDescription("d").alias("alias/java").schemaDefinition(s -> s.tabularSchemaConfig(table))
            .permissionGroupParams(p -> p.permissionGroupId(group)
                .datasetPermissions(ResourcePermission.builder().permission("ViewDatasetDetails").build()))
            .ownerInfo(o -> o.name("Ada").phoneNumber("+1 212 555 0100").email("ada@example.org")))).datasetId();
        note(api.updateDataset(r -> r.datasetId(dataset).datasetTitle("Prices, daily").kind(DatasetKind.TABULAR)));
        note(api.getDataset(r -> r.datasetId("alias/java")));
        note(api.listDatasets(r -> r.maxResults(100)));
        note(api.getWorkingLocation(r -> r.locationType(LocationType.INGESTION)));
        return dataset;
    }

    private static void await(Supplier<String> status) throws InterruptedException {
        for (int tries = 0; !status.get().equals("SUCCESS"); tries++) {
            if (tries == 3000) throw new IllegalStateException("no SUCCESS within a minute");
            Thread.sleep(20);
        }
    }

    private void load(String dataset) throws InterruptedException {
        Map<String, String> from = Map.of("s3SourcePath", source, "sourceType", "S3");
        Map<String, String> format = Map.of("formatType", "CSV", "withHeader", "true");
        String first = note(api.createChangeset(r -> r.datasetId(dataset).changeType(ChangeType.APPEND).sourceParams(from)
            .formatParams(format))).changesetId();
        await(() -> note(api.getChangeset(r -> r.datasetId(dataset).changesetId(first))).statusAsString());
        String second = note(api.updateChangeset(r -> r.datasetId(dataset).changesetId(first).sourceParams(from)
            .formatParams(format))).changesetId();
        await(() -> note(api.getChangeset(r -> r.datasetId(dataset).changesetId(second))).statusAsString());
        note(api.getChangeset(r -> r.datasetId(dataset).changesetId(first)));
        note(api.listChangesets(r -> r.datasetId(dataset).maxResults(100)));
    }

    /** Gives the keys that open the view's files. */
    private AwsCredentials makeView(String dataset) throws InterruptedException {
        String view = note(api.createDataView(r -> r.datasetId(dataset).autoUpdate(true).sortColumns("ticker")
            .partitionColumns("price").destinationTypeParams(d -> d.destinationType("S3")
                .s3DestinationExportFileFormat(ExportFileFormat.DELIMITED_TEXT)
                .s3DestinationExportFileFormatOptions(Map.of("header", "true", "delimiter", ","))))).dataViewId();
        await(() -> note(api.getDataView(r -> r.datasetId(dataset).dataViewId(view))).statusAsString());
        note(api.listDataViews(r -> r.datasetId(dataset).maxResults(100)));
        software.amazon.awssdk.services.finspacedata.model.AwsCredentials keys =
            note(api.getExternalDataViewAccessDetails(r -> r.datasetId(dataset).dataViewId(view))).credentials();
        return AwsSessionCredentials.create(keys.accessKeyId(), keys.secretAccessKey(), keys.sessionToken());
    }

    private void end(String group, String user, String dataset) {
        note(api.getProgrammaticAccessCredentials(r -> r.environmentId("any").durationInMinutes(60L)));
        note(api.disassociateUserFromPermissionGroup(r -> r.permissionGroupId(group).userId(user)));
        note(api.deletePermissionGroup(r -> r.permissionGroupId(group)));
        note(api.deleteDataset(r -> r.datasetId(dataset)));
    }

    // --- errors ------------------------------------------------------------------------------------

    private static AwsServiceException problemOf(Runnable call) {
        try {
            call.run();
            throw new IllegalStateException("it should have been refused");
        } catch (AwsServiceException problem) {
            return problem;
        }
    }

    private static void say(String name, Class<?> type, Runnable call) {
        System.out.println(name + ": " + type.isInstance(problemOf(call)));
    }

    private void fail(FinspaceDataClient ofView, FinspaceDataClient withWrongSecret) {
        say("not found", ResourceNotFoundException.class, () -> api.getDataset(r -> r.datasetId("aaaaaaaaaaaaaaaaaaaaaa")));
        say("conflict", ConflictException.class, () -> api.createDataset(r -> r.datasetTitle("x").kind(DatasetKind.TABULAR)
            .alias("alias/java").permissionGroupParams(p -> { })));
        say("validation", ValidationException.class, () -> api.listUsers(r -> r.maxResults(101)));
        say("denied", AccessDeniedException.class, () -> ofView.getDataset(r -> r.datasetId("alias/java")));
        AwsServiceException wrong = problemOf(() -> withWrongSecret.listDatasets(r -> { }));
        System.out.println("wrong secret: " + wrong.awsErrorDetails().errorCode());
    }

    public static void main(String[] words) throws Exception {
        String endpoint = words[0], id = words[1];
        FinspaceSdk sdk = new FinspaceSdk(client(endpoint, AwsBasicCredentials.create(id, words[2])), words[3]);
        String group = sdk.makeGroup(), user = sdk.makeUser();
        sdk.join(user, group);
        String dataset = sdk.makeDataset(group);
        sdk.load(dataset);
        AwsCredentials ofView = sdk.makeView(dataset);
        sdk.fail(client(endpoint, ofView), client(endpoint, AwsBasicCredentials.create(id, "x".repeat(40))));
        sdk.end(group, user, dataset);
        sdk.print();
    }
}
