/* The rows. How to read them: a shape is named once, with its bounds; a member names its shape; an
 * operation is one row. To add an operation, add its row (and any shape it is the first to need).
 *
 * The layout is a table's, so the formatter is kept out.
 */
#include "model.h"

#include "model_patterns.h"

/* clang-format off */

/* --- vocabulary ------------------------------------------------------------------------------- */

#define SCALAR(id_, type_) static const model_shape id_ = {.type = type_}
#define NUMBER(id_, type_, min_, max_) \
    static const model_shape id_ = {.type = type_, .min = min_, .max = max_}
#define STRING(id_, min_, max_, pattern_) \
    static const model_shape id_ = {.type = MODEL_STRING, .min = min_, .max = max_, \
                                    .pattern = &model_pattern_##pattern_}
#define ENUM(id_, ...) \
    static const model_shape id_ = {.type = MODEL_STRING, \
                                    .values = (const char *const[]){__VA_ARGS__, NULL}}
#define LIST(id_, element_) \
    static const model_shape id_ = {.type = MODEL_LIST, .element = &element_}
#define MAP(id_, key_, value_) \
    static const model_shape id_ = {.type = MODEL_MAP, .key = &key_, .element = &value_}
#define STRUCTURE(id_, name_, ...) \
    static const model_shape id_ = {.type = MODEL_STRUCTURE, \
                                    .structure = &(const model_structure){name_, MEMBERS(__VA_ARGS__)}}

#define MEMBERS(...) (const model_member[]){__VA_ARGS__, {.name = NULL}}
#define MEMBER(name_, wire_, shape_, place_, flags_) \
    {.name = name_, .wire = wire_, .shape = &shape_, .place = place_, .flags = flags_}
#define PATH(name_, shape_) MEMBER(name_, name_, shape_, MODEL_PATH, MODEL_REQUIRED)
#define PATH_AS(name_, wire_, shape_) MEMBER(name_, wire_, shape_, MODEL_PATH, MODEL_REQUIRED)
#define QUERY(name_, shape_, flags_) MEMBER(name_, name_, shape_, MODEL_QUERY, flags_)
#define BODY(name_, shape_, flags_) MEMBER(name_, name_, shape_, MODEL_BODY, flags_)
#define STATUS(name_) MEMBER(name_, name_, integer, MODEL_STATUS, 0)
#define CLIENT_TOKEN(place_) \
    MEMBER("clientToken", "clientToken", client_token, MODEL_##place_, MODEL_CLIENT_TOKEN)

#define REQUIRED MODEL_REQUIRED
#define SENSITIVE MODEL_SENSITIVE
#define ALWAYS MODEL_ALWAYS

#define ERRORS(...) (const char *const[]){__VA_ARGS__, NULL}
#define PAGES(result_) &(const model_pages){"nextToken", "maxResults", result_}

/* --- scalars: strings count code points, 0 is no bound ---------------------------------------- */

SCALAR(timestamp, MODEL_TIMESTAMP);
SCALAR(boolean, MODEL_BOOLEAN);
NUMBER(milliseconds, MODEL_LONG, 0, 0);
NUMBER(integer, MODEL_INTEGER, 0, 0);
NUMBER(minutes, MODEL_LONG, 1, 720);
NUMBER(page_size, MODEL_INTEGER, 1, 100);
STRING(text_1000, 0, 1000, none);
STRING(changeset_arn, 20, 2048, none);
STRING(text, 0, 0, none);
STRING(id, 1, 26, none);
STRING(access_key_id, 1, 255, none);
STRING(label, 1, 255, non_space);
STRING(secret, 1, 1000, non_space);
STRING(param_key, 0, 128, non_space);
STRING(param_value, 0, 1000, non_space);
STRING(column_name, 0, 126, non_space_line);
STRING(column_description, 0, 512, anything);
STRING(owner_name, 1, 250, non_space_line);
STRING(phone, 10, 20, phone);
STRING(email, 4, 320, email);
STRING(title, 1, 255, non_space_line);
STRING(dataset_description, 0, 1000, anything);
STRING(alias, 1, 255, alias);
STRING(principal_id, 1, 26, non_space_line);
STRING(group_description, 1, 4000, anything);
STRING(permission, 1, 250, non_space);
STRING(location_bucket, 1, 63, whole_line);
STRING(location_key, 1, 1024, whole_line);
STRING(person_name, 1, 50, non_space_line);
STRING(role_arn, 20, 2048, role_arn);
STRING(client_token, 1, 128, non_space_line);
STRING(s3_path, 1, 1024, non_space_line);
STRING(s3_bucket, 1, 63, non_space_line);
STRING(password, 8, 20, non_space_line);
ENUM(error_category, "VALIDATION", "SERVICE_QUOTA_EXCEEDED", "ACCESS_DENIED", "RESOURCE_NOT_FOUND",
     "THROTTLING", "INTERNAL_SERVICE_EXCEPTION", "CANCELLED", "USER_RECOVERABLE");
ENUM(error_category_2021_05, "The_inputs_to_this_request_are_invalid",
     "Service_limits_have_been_exceeded", "Missing_required_permission_to_perform_this_request",
     "One_or_more_inputs_to_this_request_were_not_found",
     "The_system_temporarily_lacks_sufficient_resources_to_process_the_request",
     "An_internal_error_has_occurred", "Cancelled", "A_user_recoverable_error_has_occurred",
     "VALIDATION", "SERVICE_QUOTA_EXCEEDED", "ACCESS_DENIED", "RESOURCE_NOT_FOUND", "THROTTLING",
     "INTERNAL_SERVICE_EXCEPTION", "CANCELLED", "USER_RECOVERABLE");
ENUM(change_type, "REPLACE", "APPEND", "MODIFY");
ENUM(format_type, "CSV", "JSON", "PARQUET", "XML");
ENUM(source_type, "S3");
ENUM(changeset_status, "PENDING", "FAILED", "SUCCESS", "RUNNING", "STOP_REQUESTED");
ENUM(data_type, "STRING", "CHAR", "INTEGER", "TINYINT", "SMALLINT", "BIGINT", "FLOAT", "DOUBLE",
     "DATE", "DATETIME", "BOOLEAN", "BINARY");
ENUM(export_format, "PARQUET", "DELIMITED_TEXT");
ENUM(data_view_status, "RUNNING", "STARTING", "FAILED", "CANCELLED", "TIMEOUT", "SUCCESS",
     "PENDING", "FAILED_CLEANUP_FAILED");
ENUM(kind, "TABULAR", "NON_TABULAR");
ENUM(application_permission, "CreateDataset", "ManageClusters", "ManageUsersAndGroups",
     "ManageAttributeSets", "ViewAuditData", "AccessNotebooks", "GetTemporaryCredentials");
ENUM(membership_status, "ADDITION_IN_PROGRESS", "ADDITION_SUCCESS", "REMOVAL_IN_PROGRESS");
ENUM(user_status, "CREATING", "ENABLED", "DISABLED");
ENUM(user_type, "SUPER_USER", "APP_USER");
ENUM(api_access, "ENABLED", "DISABLED");
ENUM(dataset_status, "PENDING", "FAILED", "SUCCESS", "RUNNING");
ENUM(location_type, "INGESTION", "SAGEMAKER");

/* --- lists and maps of scalars ---------------------------------------------------------------- */

MAP(text_map, text, text);
MAP(params, param_key, param_value);
LIST(labels, label);
LIST(column_names, column_name);
LIST(application_permissions, application_permission);

/* --- structures ------------------------------------------------------------------------------- */

STRUCTURE(aws_credentials, "AwsCredentials",
    BODY("accessKeyId", label, 0),
    BODY("secretAccessKey", secret, SENSITIVE),
    BODY("sessionToken", secret, SENSITIVE),
    BODY("expiration", milliseconds, 0));

STRUCTURE(changeset_error_info, "ChangesetErrorInfo",
    BODY("errorMessage", text_1000, 0),
    BODY("errorCategory", error_category, 0));

STRUCTURE(error_info, "ErrorInfo",
    BODY("errorCategory", error_category_2021_05, 0),
    BODY("errorMessage", text_1000, 0));

STRUCTURE(changeset_info, "ChangesetInfo",
    BODY("changesetArn", changeset_arn, 0),
    BODY("changesetLabels", text_map, 0),
    BODY("changeType", change_type, 0),
    BODY("createTimestamp", timestamp, 0),
    BODY("datasetId", id, 0),
    BODY("errorInfo", error_info, 0),
    BODY("formatParams", text_map, 0),
    BODY("formatType", format_type, 0),
    BODY("id", id, ALWAYS),
    BODY("sourceParams", text_map, 0),
    BODY("sourceType", source_type, 0),
    BODY("status", changeset_status, 0),
    BODY("updatedByChangesetId", text, 0),
    BODY("updatesChangesetId", text, 0));

STRUCTURE(changeset_summary, "ChangesetSummary",
    BODY("changesetId", id, 0),
    BODY("changesetArn", text, 0),
    BODY("datasetId", id, 0),
    BODY("changeType", change_type, 0),
    BODY("sourceParams", params, 0),
    BODY("formatParams", params, 0),
    BODY("createTime", milliseconds, 0),
    BODY("status", changeset_status, 0),
    BODY("errorInfo", changeset_error_info, 0),
    BODY("activeUntilTimestamp", milliseconds, 0),
    BODY("activeFromTimestamp", milliseconds, 0),
    BODY("updatesChangesetId", id, 0),
    BODY("updatedByChangesetId", id, 0));
LIST(changeset_summary_list, changeset_summary);

STRUCTURE(column_definition, "ColumnDefinition",
    BODY("dataType", data_type, 0),
    BODY("columnName", column_name, 0),
    BODY("columnDescription", column_description, 0));
LIST(column_definition_list, column_definition);

STRUCTURE(credentials, "Credentials",
    BODY("accessKeyId", access_key_id, 0),
    BODY("secretAccessKey", text_1000, 0),
    BODY("sessionToken", text_1000, 0));

STRUCTURE(data_view_destination_type_params, "DataViewDestinationTypeParams",
    BODY("destinationType", text, REQUIRED),
    BODY("s3DestinationExportFileFormat", export_format, 0),
    BODY("s3DestinationExportFileFormatOptions", params, 0));

STRUCTURE(data_view_error_info, "DataViewErrorInfo",
    BODY("errorMessage", text_1000, 0),
    BODY("errorCategory", error_category, 0));

STRUCTURE(data_view_summary, "DataViewSummary",
    BODY("dataViewId", id, 0),
    BODY("dataViewArn", text, 0),
    BODY("datasetId", id, 0),
    BODY("asOfTimestamp", milliseconds, 0),
    BODY("partitionColumns", labels, 0),
    BODY("sortColumns", labels, 0),
    BODY("status", data_view_status, 0),
    BODY("errorInfo", data_view_error_info, 0),
    BODY("destinationTypeProperties", data_view_destination_type_params, 0),
    BODY("autoUpdate", boolean, 0),
    BODY("createTime", milliseconds, 0),
    BODY("lastModifiedTime", milliseconds, 0));
LIST(data_view_summary_list, data_view_summary);

STRUCTURE(dataset_owner_info, "DatasetOwnerInfo",
    BODY("name", owner_name, 0),
    BODY("phoneNumber", phone, 0),
    BODY("email", email, SENSITIVE));

STRUCTURE(schema_definition, "SchemaDefinition",
    BODY("columns", column_definition_list, 0),
    BODY("primaryKeyColumns", column_names, 0));

STRUCTURE(schema_union, "SchemaUnion",
    BODY("tabularSchemaConfig", schema_definition, 0));

STRUCTURE(dataset, "Dataset",
    BODY("datasetId", id, 0),
    BODY("datasetArn", text, 0),
    BODY("datasetTitle", title, 0),
    BODY("kind", kind, 0),
    BODY("datasetDescription", dataset_description, 0),
    BODY("ownerInfo", dataset_owner_info, 0),
    BODY("createTime", milliseconds, 0),
    BODY("lastModifiedTime", milliseconds, 0),
    BODY("schemaDefinition", schema_union, 0),
    BODY("alias", alias, 0));
LIST(dataset_list, dataset);

STRUCTURE(permission_group, "PermissionGroup",
    BODY("permissionGroupId", principal_id, 0),
    BODY("name", title, SENSITIVE),
    BODY("description", group_description, SENSITIVE),
    BODY("applicationPermissions", application_permissions, 0),
    BODY("createTime", milliseconds, 0),
    BODY("lastModifiedTime", milliseconds, 0),
    BODY("membershipStatus", membership_status, 0));
LIST(permission_group_list, permission_group);

STRUCTURE(permission_group_by_user, "PermissionGroupByUser",
    BODY("permissionGroupId", principal_id, 0),
    BODY("name", title, SENSITIVE),
    BODY("membershipStatus", membership_status, 0));
LIST(permission_group_by_user_list, permission_group_by_user);

STRUCTURE(resource_permission, "ResourcePermission",
    BODY("permission", permission, 0));
LIST(resource_permission_list, resource_permission);

STRUCTURE(permission_group_params, "PermissionGroupParams",
    BODY("permissionGroupId", principal_id, 0),
    BODY("datasetPermissions", resource_permission_list, 0));

STRUCTURE(s3_location, "S3Location",
    BODY("bucket", location_bucket, REQUIRED),
    BODY("key", location_key, REQUIRED));

STRUCTURE(user, "User",
    BODY("userId", principal_id, 0),
    BODY("status", user_status, 0),
    BODY("firstName", person_name, SENSITIVE),
    BODY("lastName", person_name, SENSITIVE),
    BODY("emailAddress", email, SENSITIVE),
    BODY("type", user_type, 0),
    BODY("apiAccess", api_access, 0),
    BODY("apiAccessPrincipalArn", role_arn, 0),
    BODY("createTime", milliseconds, 0),
    BODY("lastEnabledTime", milliseconds, 0),
    BODY("lastDisabledTime", milliseconds, 0),
    BODY("lastModifiedTime", milliseconds, 0),
    BODY("lastLoginTime", milliseconds, 0));
LIST(user_list, user);

STRUCTURE(user_by_permission_group, "UserByPermissionGroup",
    BODY("userId", principal_id, 0),
    BODY("status", user_status, 0),
    BODY("firstName", person_name, SENSITIVE),
    BODY("lastName", person_name, SENSITIVE),
    BODY("emailAddress", email, SENSITIVE),
    BODY("type", user_type, 0),
    BODY("apiAccess", api_access, 0),
    BODY("apiAccessPrincipalArn", role_arn, 0),
    BODY("membershipStatus", membership_status, 0));
LIST(user_by_permission_group_list, user_by_permission_group);

/* --- operations ------------------------------------------------------------------------------- */

const model_operation model_operations[] = {
    {.name = "AssociateUserToPermissionGroup", .generation = "2021-12", .method = "POST",
     .path = "/permission-group/{permissionGroupId}/users/{userId}",
     .errors = ERRORS("AccessDeniedException", "ConflictException", "InternalServerException",
                      "ResourceNotFoundException", "ThrottlingException", "ValidationException"),
     .input = MEMBERS(
         PATH("permissionGroupId", principal_id),
         PATH("userId", principal_id),
         CLIENT_TOKEN(BODY)),
     .output = MEMBERS(
         STATUS("statusCode"))},

    {.name = "CreateChangeset", .generation = "2021-05", .method = "POST",
     .path = "/datasets/{datasetId}/changesets",
     .chosen_by = "sourceType",
     .errors = ERRORS("AccessDeniedException", "InternalServerErrorException",
                      "ResourceNotFoundException", "ThrottlingException", "ValidationException"),
     .input = MEMBERS(
         PATH("datasetId", id),
         BODY("changeType", change_type, REQUIRED),
         BODY("sourceType", source_type, REQUIRED),
         BODY("sourceParams", text_map, REQUIRED),
         BODY("formatType", format_type, 0),
         BODY("formatParams", text_map, 0),
         BODY("tags", text_map, 0)),
     .output = MEMBERS(
         BODY("changeset", changeset_info, ALWAYS))},

    {.name = "CreateChangeset", .generation = "2021-12", .method = "POST",
     .path = "/datasets/{datasetId}/changesetsv2",
     .errors = ERRORS("AccessDeniedException", "ConflictException", "InternalServerException",
                      "LimitExceededException", "ResourceNotFoundException", "ThrottlingException",
                      "ValidationException"),
     .input = MEMBERS(
         CLIENT_TOKEN(BODY),
         PATH("datasetId", id),
         BODY("changeType", change_type, REQUIRED),
         BODY("sourceParams", params, REQUIRED),
         BODY("formatParams", params, REQUIRED)),
     .output = MEMBERS(
         BODY("datasetId", id, ALWAYS),
         BODY("changesetId", id, ALWAYS))},

    {.name = "CreateDataView", .generation = "2021-12", .method = "POST",
     .path = "/datasets/{datasetId}/dataviewsv2",
     .errors = ERRORS("ConflictException", "InternalServerException", "LimitExceededException",
                      "ResourceNotFoundException", "ThrottlingException", "ValidationException"),
     .input = MEMBERS(
         CLIENT_TOKEN(BODY),
         PATH("datasetId", id),
         BODY("autoUpdate", boolean, 0),
         BODY("sortColumns", labels, 0),
         BODY("partitionColumns", labels, 0),
         BODY("asOfTimestamp", milliseconds, 0),
         BODY("destinationTypeParams", data_view_destination_type_params, REQUIRED)),
     .output = MEMBERS(
         BODY("datasetId", id, ALWAYS),
         BODY("dataViewId", id, ALWAYS))},

    {.name = "CreateDataset", .generation = "2021-12", .method = "POST",
     .path = "/datasetsv2",
     .errors = ERRORS("AccessDeniedException", "ConflictException", "InternalServerException",
                      "LimitExceededException", "ResourceNotFoundException", "ThrottlingException",
                      "ValidationException"),
     .input = MEMBERS(
         CLIENT_TOKEN(BODY),
         BODY("datasetTitle", title, REQUIRED),
         BODY("kind", kind, REQUIRED),
         BODY("datasetDescription", dataset_description, 0),
         BODY("ownerInfo", dataset_owner_info, 0),
         BODY("permissionGroupParams", permission_group_params, REQUIRED),
         BODY("alias", alias, 0),
         BODY("schemaDefinition", schema_union, 0)),
     .output = MEMBERS(
         BODY("datasetId", id, ALWAYS))},

    {.name = "CreatePermissionGroup", .generation = "2021-12", .method = "POST",
     .path = "/permission-group",
     .errors = ERRORS("AccessDeniedException", "ConflictException", "InternalServerException",
                      "LimitExceededException", "ThrottlingException", "ValidationException"),
     .input = MEMBERS(
         BODY("name", title, REQUIRED | SENSITIVE),
         BODY("description", group_description, SENSITIVE),
         BODY("applicationPermissions", application_permissions, REQUIRED),
         CLIENT_TOKEN(BODY)),
     .output = MEMBERS(
         BODY("permissionGroupId", principal_id, ALWAYS))},

    {.name = "CreateUser", .generation = "2021-12", .method = "POST",
     .path = "/user",
     .errors = ERRORS("AccessDeniedException", "ConflictException", "InternalServerException",
                      "LimitExceededException", "ThrottlingException", "ValidationException"),
     .input = MEMBERS(
         BODY("emailAddress", email, REQUIRED | SENSITIVE),
         BODY("type", user_type, REQUIRED),
         BODY("firstName", person_name, SENSITIVE),
         BODY("lastName", person_name, SENSITIVE),
         BODY("apiAccess", api_access, 0),
         BODY("apiAccessPrincipalArn", role_arn, 0),
         CLIENT_TOKEN(BODY)),
     .output = MEMBERS(
         BODY("userId", principal_id, ALWAYS))},

    {.name = "DeleteDataset", .generation = "2021-12", .method = "DELETE",
     .path = "/datasetsv2/{datasetId}",
     .errors = ERRORS("AccessDeniedException", "ConflictException", "InternalServerException",
                      "LimitExceededException", "ResourceNotFoundException", "ThrottlingException",
                      "ValidationException"),
     .input = MEMBERS(
         CLIENT_TOKEN(QUERY),
         PATH("datasetId", id)),
     .output = MEMBERS(
         BODY("datasetId", id, ALWAYS))},

    {.name = "DeletePermissionGroup", .generation = "2021-12", .method = "DELETE",
     .path = "/permission-group/{permissionGroupId}",
     .errors = ERRORS("AccessDeniedException", "ConflictException", "InternalServerException",
                      "LimitExceededException", "ResourceNotFoundException", "ThrottlingException",
                      "ValidationException"),
     .input = MEMBERS(
         PATH("permissionGroupId", principal_id),
         CLIENT_TOKEN(QUERY)),
     .output = MEMBERS(
         BODY("permissionGroupId", principal_id, ALWAYS))},

    {.name = "DisableUser", .generation = "2021-12", .method = "POST",
     .path = "/user/{userId}/disable",
     .errors = ERRORS("AccessDeniedException", "ConflictException", "InternalServerException",
                      "ResourceNotFoundException", "ThrottlingException", "ValidationException"),
     .input = MEMBERS(
         PATH("userId", principal_id),
         CLIENT_TOKEN(BODY)),
     .output = MEMBERS(
         BODY("userId", principal_id, ALWAYS))},

    {.name = "DisassociateUserFromPermissionGroup", .generation = "2021-12", .method = "DELETE",
     .path = "/permission-group/{permissionGroupId}/users/{userId}",
     .errors = ERRORS("AccessDeniedException", "ConflictException", "InternalServerException",
                      "ResourceNotFoundException", "ThrottlingException", "ValidationException"),
     .input = MEMBERS(
         PATH("permissionGroupId", principal_id),
         PATH("userId", principal_id),
         CLIENT_TOKEN(QUERY)),
     .output = MEMBERS(
         STATUS("statusCode"))},

    {.name = "EnableUser", .generation = "2021-12", .method = "POST",
     .path = "/user/{userId}/enable",
     .errors = ERRORS("AccessDeniedException", "ConflictException", "InternalServerException",
                      "LimitExceededException", "ResourceNotFoundException", "ThrottlingException",
                      "ValidationException"),
     .input = MEMBERS(
         PATH("userId", principal_id),
         CLIENT_TOKEN(BODY)),
     .output = MEMBERS(
         BODY("userId", principal_id, ALWAYS))},

    {.name = "GetChangeset", .generation = "2021-12", .method = "GET",
     .only_reads = true,
     .path = "/datasets/{datasetId}/changesetsv2/{changesetId}",
     .errors = ERRORS("AccessDeniedException", "ConflictException", "InternalServerException",
                      "ResourceNotFoundException", "ThrottlingException", "ValidationException"),
     .input = MEMBERS(
         PATH("datasetId", id),
         PATH("changesetId", id)),
     .output = MEMBERS(
         BODY("changesetId", id, ALWAYS),
         BODY("changesetArn", text, 0),
         BODY("datasetId", id, ALWAYS),
         BODY("changeType", change_type, 0),
         BODY("sourceParams", params, 0),
         BODY("formatParams", params, 0),
         BODY("createTime", milliseconds, 0),
         BODY("status", changeset_status, ALWAYS),
         BODY("errorInfo", changeset_error_info, 0),
         BODY("activeUntilTimestamp", milliseconds, 0),
         BODY("activeFromTimestamp", milliseconds, 0),
         BODY("updatesChangesetId", id, 0),
         BODY("updatedByChangesetId", id, 0))},

    {.name = "GetDataView", .generation = "2021-12", .method = "GET",
     .only_reads = true,
     .path = "/datasets/{datasetId}/dataviewsv2/{dataviewId}",
     .errors = ERRORS("ConflictException", "InternalServerException", "ResourceNotFoundException",
                      "ThrottlingException", "ValidationException"),
     .input = MEMBERS(
         PATH_AS("dataViewId", "dataviewId", id),
         PATH("datasetId", id)),
     .output = MEMBERS(
         BODY("autoUpdate", boolean, 0),
         BODY("partitionColumns", labels, 0),
         BODY("datasetId", id, ALWAYS),
         BODY("asOfTimestamp", milliseconds, 0),
         BODY("errorInfo", data_view_error_info, 0),
         BODY("lastModifiedTime", milliseconds, 0),
         BODY("createTime", milliseconds, 0),
         BODY("sortColumns", labels, 0),
         BODY("dataViewId", id, ALWAYS),
         BODY("dataViewArn", text, 0),
         BODY("destinationTypeParams", data_view_destination_type_params, 0),
         BODY("status", data_view_status, ALWAYS))},

    {.name = "GetDataset", .generation = "2021-12", .method = "GET",
     .only_reads = true,
     .path = "/datasetsv2/{datasetId}",
     .errors = ERRORS("AccessDeniedException", "ConflictException", "InternalServerException",
                      "ResourceNotFoundException", "ThrottlingException", "ValidationException"),
     .input = MEMBERS(
         PATH("datasetId", label)),
     .output = MEMBERS(
         BODY("datasetId", id, ALWAYS),
         BODY("datasetArn", text, 0),
         BODY("datasetTitle", title, 0),
         BODY("kind", kind, 0),
         BODY("datasetDescription", dataset_description, 0),
         BODY("createTime", milliseconds, 0),
         BODY("lastModifiedTime", milliseconds, 0),
         BODY("schemaDefinition", schema_union, 0),
         BODY("alias", alias, 0),
         BODY("status", dataset_status, 0))},

    {.name = "GetExternalDataViewAccessDetails", .generation = "2021-12", .method = "POST",
     .path = "/datasets/{datasetId}/dataviewsv2/{dataviewId}/external-access-details",
     .errors = ERRORS("AccessDeniedException", "InternalServerException", "ResourceNotFoundException",
                      "ThrottlingException", "ValidationException"),
     .input = MEMBERS(
         PATH_AS("dataViewId", "dataviewId", id),
         PATH("datasetId", id)),
     .output = MEMBERS(
         BODY("credentials", aws_credentials, ALWAYS | SENSITIVE),
         BODY("s3Location", s3_location, ALWAYS))},

    {.name = "GetPermissionGroup", .generation = "2021-12", .method = "GET",
     .only_reads = true,
     .path = "/permission-group/{permissionGroupId}",
     .errors = ERRORS("AccessDeniedException", "InternalServerException", "ResourceNotFoundException",
                      "ThrottlingException", "ValidationException"),
     .input = MEMBERS(
         PATH("permissionGroupId", principal_id)),
     .output = MEMBERS(
         BODY("permissionGroup", permission_group, ALWAYS))},

    {.name = "GetProgrammaticAccessCredentials", .generation = "2021-05", .method = "GET",
     .path = "/credentials/programmatic",
     .errors = ERRORS("AccessDeniedException", "InternalServerErrorException",
                      "InternalServerException", "ThrottlingException", "ValidationException"),
     .input = MEMBERS(
         QUERY("durationInMinutes", minutes, 0),
         QUERY("environmentId", id, REQUIRED)),
     .output = MEMBERS(
         BODY("credentials", credentials, ALWAYS | SENSITIVE),
         BODY("durationInMinutes", minutes, 0))},

    {.name = "GetUser", .generation = "2021-12", .method = "GET",
     .only_reads = true,
     .path = "/user/{userId}",
     .errors = ERRORS("AccessDeniedException", "InternalServerException", "ResourceNotFoundException",
                      "ThrottlingException", "ValidationException"),
     .input = MEMBERS(
         PATH("userId", principal_id)),
     .output = MEMBERS(
         BODY("userId", principal_id, ALWAYS),
         BODY("status", user_status, 0),
         BODY("firstName", person_name, SENSITIVE),
         BODY("lastName", person_name, SENSITIVE),
         BODY("emailAddress", email, SENSITIVE),
         BODY("type", user_type, 0),
         BODY("apiAccess", api_access, 0),
         BODY("apiAccessPrincipalArn", role_arn, 0),
         BODY("createTime", milliseconds, 0),
         BODY("lastEnabledTime", milliseconds, 0),
         BODY("lastDisabledTime", milliseconds, 0),
         BODY("lastModifiedTime", milliseconds, 0),
         BODY("lastLoginTime", milliseconds, 0))},

    {.name = "GetWorkingLocation", .generation = "2021-05", .method = "POST",
     .only_reads = true,
     .path = "/workingLocationV1",
     .errors = ERRORS("AccessDeniedException", "InternalServerErrorException",
                      "InternalServerException", "ThrottlingException", "ValidationException"),
     .input = MEMBERS(
         BODY("locationType", location_type, 0)),
     .output = MEMBERS(
         BODY("s3Uri", s3_path, ALWAYS),
         BODY("s3Path", s3_path, ALWAYS),
         BODY("s3Bucket", s3_bucket, ALWAYS))},

    {.name = "ListChangesets", .generation = "2021-12", .method = "GET",
     .only_reads = true,
     .path = "/datasets/{datasetId}/changesetsv2",
     .errors = ERRORS("AccessDeniedException", "ConflictException", "InternalServerException",
                      "ResourceNotFoundException", "ThrottlingException", "ValidationException"),
     .pages = PAGES("changesets"),
     .input = MEMBERS(
         PATH("datasetId", id),
         QUERY("maxResults", page_size, 0),
         QUERY("nextToken", text, 0)),
     .output = MEMBERS(
         BODY("changesets", changeset_summary_list, 0),
         BODY("nextToken", text, 0))},

    {.name = "ListDataViews", .generation = "2021-12", .method = "GET",
     .only_reads = true,
     .path = "/datasets/{datasetId}/dataviewsv2",
     .errors = ERRORS("ConflictException", "InternalServerException", "ResourceNotFoundException",
                      "ThrottlingException", "ValidationException"),
     .pages = PAGES("dataViews"),
     .input = MEMBERS(
         PATH("datasetId", id),
         QUERY("nextToken", text, 0),
         QUERY("maxResults", page_size, 0)),
     .output = MEMBERS(
         BODY("nextToken", text, 0),
         BODY("dataViews", data_view_summary_list, 0))},

    {.name = "ListDatasets", .generation = "2021-12", .method = "GET",
     .only_reads = true,
     .path = "/datasetsv2",
     .errors = ERRORS("ConflictException", "InternalServerException", "ResourceNotFoundException",
                      "ThrottlingException", "ValidationException"),
     .pages = PAGES("datasets"),
     .input = MEMBERS(
         QUERY("nextToken", text, 0),
         QUERY("maxResults", page_size, 0)),
     .output = MEMBERS(
         BODY("datasets", dataset_list, 0),
         BODY("nextToken", text, 0))},

    {.name = "ListPermissionGroups", .generation = "2021-12", .method = "GET",
     .only_reads = true,
     .path = "/permission-group",
     .errors = ERRORS("AccessDeniedException", "InternalServerException", "ThrottlingException",
                      "ValidationException"),
     .pages = PAGES("permissionGroups"),
     .input = MEMBERS(
         QUERY("nextToken", text, 0),
         QUERY("maxResults", page_size, REQUIRED)),
     .output = MEMBERS(
         BODY("permissionGroups", permission_group_list, 0),
         BODY("nextToken", text, 0))},

    {.name = "ListPermissionGroupsByUser", .generation = "2021-12", .method = "GET",
     .only_reads = true,
     .path = "/user/{userId}/permission-groups",
     .errors = ERRORS("AccessDeniedException", "InternalServerException", "ResourceNotFoundException",
                      "ThrottlingException", "ValidationException"),
     .pages = PAGES("permissionGroups"),
     .input = MEMBERS(
         PATH("userId", principal_id),
         QUERY("nextToken", text, 0),
         QUERY("maxResults", page_size, REQUIRED)),
     .output = MEMBERS(
         BODY("permissionGroups", permission_group_by_user_list, 0),
         BODY("nextToken", text, 0))},

    {.name = "ListUsers", .generation = "2021-12", .method = "GET",
     .only_reads = true,
     .path = "/user",
     .errors = ERRORS("AccessDeniedException", "InternalServerException", "ThrottlingException",
                      "ValidationException"),
     .pages = PAGES("users"),
     .input = MEMBERS(
         QUERY("nextToken", text, 0),
         QUERY("maxResults", page_size, REQUIRED)),
     .output = MEMBERS(
         BODY("users", user_list, 0),
         BODY("nextToken", text, 0))},

    {.name = "ListUsersByPermissionGroup", .generation = "2021-12", .method = "GET",
     .only_reads = true,
     .path = "/permission-group/{permissionGroupId}/users",
     .errors = ERRORS("AccessDeniedException", "InternalServerException", "ResourceNotFoundException",
                      "ThrottlingException", "ValidationException"),
     .pages = PAGES("users"),
     .input = MEMBERS(
         PATH("permissionGroupId", principal_id),
         QUERY("nextToken", text, 0),
         QUERY("maxResults", page_size, REQUIRED)),
     .output = MEMBERS(
         BODY("users", user_by_permission_group_list, 0),
         BODY("nextToken", text, 0))},

    {.name = "ResetUserPassword", .generation = "2021-12", .method = "POST",
     .path = "/user/{userId}/password",
     .errors = ERRORS("AccessDeniedException", "ConflictException", "InternalServerException",
                      "ResourceNotFoundException", "ThrottlingException", "ValidationException"),
     .input = MEMBERS(
         PATH("userId", principal_id),
         CLIENT_TOKEN(BODY)),
     .output = MEMBERS(
         BODY("userId", principal_id, ALWAYS),
         BODY("temporaryPassword", password, ALWAYS | SENSITIVE))},

    {.name = "UpdateChangeset", .generation = "2021-12", .method = "PUT",
     .path = "/datasets/{datasetId}/changesetsv2/{changesetId}",
     .errors = ERRORS("AccessDeniedException", "ConflictException", "InternalServerException",
                      "ResourceNotFoundException", "ThrottlingException", "ValidationException"),
     .input = MEMBERS(
         CLIENT_TOKEN(BODY),
         PATH("datasetId", id),
         PATH("changesetId", id),
         BODY("sourceParams", params, REQUIRED),
         BODY("formatParams", params, REQUIRED)),
     .output = MEMBERS(
         BODY("changesetId", id, ALWAYS),
         BODY("datasetId", id, ALWAYS))},

    {.name = "UpdateDataset", .generation = "2021-12", .method = "PUT",
     .path = "/datasetsv2/{datasetId}",
     .errors = ERRORS("AccessDeniedException", "ConflictException", "InternalServerException",
                      "ResourceNotFoundException", "ThrottlingException", "ValidationException"),
     .input = MEMBERS(
         CLIENT_TOKEN(BODY),
         PATH("datasetId", id),
         BODY("datasetTitle", title, REQUIRED),
         BODY("kind", kind, REQUIRED),
         BODY("datasetDescription", dataset_description, 0),
         BODY("alias", alias, 0),
         BODY("schemaDefinition", schema_union, 0)),
     .output = MEMBERS(
         BODY("datasetId", id, ALWAYS))},

    {.name = "UpdatePermissionGroup", .generation = "2021-12", .method = "PUT",
     .path = "/permission-group/{permissionGroupId}",
     .errors = ERRORS("AccessDeniedException", "ConflictException", "InternalServerException",
                      "ResourceNotFoundException", "ThrottlingException", "ValidationException"),
     .input = MEMBERS(
         PATH("permissionGroupId", principal_id),
         BODY("name", title, SENSITIVE),
         BODY("description", group_description, SENSITIVE),
         BODY("applicationPermissions", application_permissions, 0),
         CLIENT_TOKEN(BODY)),
     .output = MEMBERS(
         BODY("permissionGroupId", principal_id, ALWAYS))},

    {.name = "UpdateUser", .generation = "2021-12", .method = "PUT",
     .path = "/user/{userId}",
     .errors = ERRORS("AccessDeniedException", "ConflictException", "InternalServerException",
                      "ResourceNotFoundException", "ThrottlingException", "ValidationException"),
     .input = MEMBERS(
         PATH("userId", principal_id),
         BODY("type", user_type, 0),
         BODY("firstName", person_name, SENSITIVE),
         BODY("lastName", person_name, SENSITIVE),
         BODY("apiAccess", api_access, 0),
         BODY("apiAccessPrincipalArn", role_arn, 0),
         CLIENT_TOKEN(BODY)),
     .output = MEMBERS(
         BODY("userId", principal_id, ALWAYS))},

    {.name = NULL},
};

/* --- errors ----------------------------------------------------------------------------------- */

/* The first 24 are documented for this API. The others are what AWS services, S3 and STS among
 * them, are known to answer, and what they ask of a client. */
const model_error model_errors[] = {
    {"AccessDeniedException", 0, {403, 400}},
    {"ConflictException", 0, {409}},
    {"InternalServerErrorException", MODEL_RETRYABLE, {500}},
    {"InternalServerException", MODEL_RETRYABLE, {500}},
    {"LimitExceededException", 0, {400}},
    {"ResourceNotFoundException", 0, {404}},
    {"ThrottlingException", MODEL_RETRYABLE | MODEL_THROTTLE, {429, 400}},
    {"ValidationException", 0, {400}},
    {"IncompleteSignature", 0, {400}},
    {"InternalFailure", MODEL_RETRYABLE, {500}},
    {"InvalidAction", 0, {400}},
    {"InvalidClientTokenId", MODEL_CREDENTIALS, {403}},
    {"InvalidParameterCombination", 0, {400}},
    {"InvalidParameterValue", 0, {400}},
    {"InvalidQueryParameter", 0, {400}},
    {"MalformedQueryString", 0, {404}},
    {"MissingAction", 0, {400}},
    {"MissingAuthenticationToken", MODEL_CREDENTIALS, {403}},
    {"MissingParameter", 0, {400}},
    {"NotAuthorized", 0, {400}},
    {"OptInRequired", 0, {403}},
    {"RequestExpired", MODEL_CLOCK, {400}},
    {"ServiceUnavailable", MODEL_RETRYABLE, {503}},
    {"ValidationError", 0, {400}},

    {"ExpiredToken", MODEL_CREDENTIALS, {0}},
    {"ExpiredTokenException", MODEL_CREDENTIALS, {0}},
    {"UnrecognizedClientException", MODEL_CREDENTIALS, {0}},
    {"InvalidAccessKeyId", MODEL_CREDENTIALS, {0}},
    {"InvalidToken", MODEL_CREDENTIALS, {0}},
    {"MissingAuthenticationTokenException", MODEL_CREDENTIALS, {0}},
    {"RequestTimeTooSkewed", MODEL_CLOCK, {0}},
    {"RequestInTheFuture", MODEL_CLOCK, {0}},
    {"SignatureDoesNotMatch", MODEL_CLOCK, {0}},
    {"InvalidSignatureException", MODEL_CLOCK, {0}},
    {"RequestTimeout", MODEL_RETRYABLE, {0}},
    {"RequestTimeoutException", MODEL_RETRYABLE, {0}},
    {"InternalError", MODEL_RETRYABLE, {0}},
    {"Throttling", MODEL_RETRYABLE | MODEL_THROTTLE, {0}},
    {"ThrottledException", MODEL_RETRYABLE | MODEL_THROTTLE, {0}},
    {"RequestThrottled", MODEL_RETRYABLE | MODEL_THROTTLE, {0}},
    {"RequestThrottledException", MODEL_RETRYABLE | MODEL_THROTTLE, {0}},
    {"RequestLimitExceeded", MODEL_RETRYABLE | MODEL_THROTTLE, {0}},
    {"TooManyRequestsException", MODEL_RETRYABLE | MODEL_THROTTLE, {0}},
    {"BandwidthLimitExceeded", MODEL_RETRYABLE | MODEL_THROTTLE, {0}},
    {"ProvisionedThroughputExceededException", MODEL_RETRYABLE | MODEL_THROTTLE, {0}},
    {"PriorRequestNotComplete", MODEL_RETRYABLE | MODEL_THROTTLE, {0}},
    {"SlowDown", MODEL_RETRYABLE | MODEL_THROTTLE, {0}},
    {"TooManyRequests", MODEL_RETRYABLE | MODEL_THROTTLE, {0}},

    /* S3: somebody else works on the same object. STS: its call to the identity provider failed. */
    {"OperationAborted", MODEL_RETRYABLE, {0}},
    {"IDPCommunicationError", MODEL_RETRYABLE, {0}},
    {.code = NULL},
};
