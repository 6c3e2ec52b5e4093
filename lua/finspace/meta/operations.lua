--- @meta
-- Written by `make docs` from the model. Do not edit.
-- luacheck: ignore

--- @class finspace.AwsCredentials
--- @field accessKeyId? string  1 to 255 characters; matches `[\s\S]*\S[\s\S]*`
--- @field secretAccessKey? string  1 to 1000 characters; matches `[\s\S]*\S[\s\S]*`; never shown in errors and logs
--- @field sessionToken? string  1 to 1000 characters; matches `[\s\S]*\S[\s\S]*`; never shown in errors and logs
--- @field expiration? integer

--- @class finspace.ChangesetErrorInfo
--- @field errorMessage? string  at most 1000 characters
--- @field errorCategory? "VALIDATION"|"SERVICE_QUOTA_EXCEEDED"|"ACCESS_DENIED"|"RESOURCE_NOT_FOUND"|"THROTTLING"|"INTERNAL_SERVICE_EXCEPTION"|"CANCELLED"|"USER_RECOVERABLE"

--- @class finspace.ChangesetInfo
--- @field changesetArn? string  20 to 2048 characters
--- @field changesetLabels? table<string, string>
--- @field changeType? "REPLACE"|"APPEND"|"MODIFY"
--- @field createTimestamp? number
--- @field datasetId? string  1 to 26 characters
--- @field errorInfo? finspace.ErrorInfo
--- @field formatParams? table<string, string>
--- @field formatType? "CSV"|"JSON"|"PARQUET"|"XML"
--- @field id? string  1 to 26 characters
--- @field sourceParams? table<string, string>
--- @field sourceType? "S3"
--- @field status? "PENDING"|"FAILED"|"SUCCESS"|"RUNNING"|"STOP_REQUESTED"
--- @field updatedByChangesetId? string
--- @field updatesChangesetId? string

--- @class finspace.ChangesetSummary
--- @field changesetId? string  1 to 26 characters
--- @field changesetArn? string
--- @field datasetId? string  1 to 26 characters
--- @field changeType? "REPLACE"|"APPEND"|"MODIFY"
--- @field sourceParams? table<string, string>  keys at most 128 characters; values at most 1000 characters
--- @field formatParams? table<string, string>  keys at most 128 characters; values at most 1000 characters
--- @field createTime? integer
--- @field status? "PENDING"|"FAILED"|"SUCCESS"|"RUNNING"|"STOP_REQUESTED"
--- @field errorInfo? finspace.ChangesetErrorInfo
--- @field activeUntilTimestamp? integer
--- @field activeFromTimestamp? integer
--- @field updatesChangesetId? string  1 to 26 characters
--- @field updatedByChangesetId? string  1 to 26 characters

--- @class finspace.ColumnDefinition
--- @field dataType? "STRING"|"CHAR"|"INTEGER"|"TINYINT"|"SMALLINT"|"BIGINT"|"FLOAT"|"DOUBLE"|"DATE"|"DATETIME"|"BOOLEAN"|"BINARY"
--- @field columnName? string  at most 126 characters; matches `.*\S.*`
--- @field columnDescription? string  at most 512 characters; matches `[\s\S]*`

--- @class finspace.Credentials
--- @field accessKeyId? string  1 to 255 characters
--- @field secretAccessKey? string  at most 1000 characters
--- @field sessionToken? string  at most 1000 characters

--- @class finspace.DataViewDestinationTypeParams
--- @field destinationType string
--- @field s3DestinationExportFileFormat? "PARQUET"|"DELIMITED_TEXT"
--- @field s3DestinationExportFileFormatOptions? table<string, string>  keys at most 128 characters; values at most 1000 characters

--- @class finspace.DataViewErrorInfo
--- @field errorMessage? string  at most 1000 characters
--- @field errorCategory? "VALIDATION"|"SERVICE_QUOTA_EXCEEDED"|"ACCESS_DENIED"|"RESOURCE_NOT_FOUND"|"THROTTLING"|"INTERNAL_SERVICE_EXCEPTION"|"CANCELLED"|"USER_RECOVERABLE"

--- @class finspace.DataViewSummary
--- @field dataViewId? string  1 to 26 characters
--- @field dataViewArn? string
--- @field datasetId? string  1 to 26 characters
--- @field asOfTimestamp? integer
--- @field partitionColumns? string[]  each 1 to 255 characters
--- @field sortColumns? string[]  each 1 to 255 characters
--- @field status? "RUNNING"|"STARTING"|"FAILED"|"CANCELLED"|"TIMEOUT"|"SUCCESS"|"PENDING"|"FAILED_CLEANUP_FAILED"
--- @field errorInfo? finspace.DataViewErrorInfo
--- @field destinationTypeProperties? finspace.DataViewDestinationTypeParams
--- @field autoUpdate? boolean
--- @field createTime? integer
--- @field lastModifiedTime? integer

--- @class finspace.Dataset
--- @field datasetId? string  1 to 26 characters
--- @field datasetArn? string
--- @field datasetTitle? string  1 to 255 characters; matches `.*\S.*`
--- @field kind? "TABULAR"|"NON_TABULAR"
--- @field datasetDescription? string  at most 1000 characters; matches `[\s\S]*`
--- @field ownerInfo? finspace.DatasetOwnerInfo
--- @field createTime? integer
--- @field lastModifiedTime? integer
--- @field schemaDefinition? finspace.SchemaUnion
--- @field alias? string  1 to 255 characters; matches `^alias\/\S+`

--- @class finspace.DatasetOwnerInfo
--- @field name? string  1 to 250 characters; matches `.*\S.*`
--- @field phoneNumber? string  10 to 20 characters; matches `^[\+0-9\#\,\(][\+0-9\-\.\/\(\)\,\#\s]+$`
--- @field email? string  4 to 320 characters; matches `[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,4}`; never shown in errors and logs

--- @class finspace.ErrorInfo
--- @field errorCategory? "The_inputs_to_this_request_are_invalid"|"Service_limits_have_been_exceeded"|"Missing_required_permission_to_perform_this_request"|"One_or_more_inputs_to_this_request_were_not_found"|"The_system_temporarily_lacks_sufficient_resources_to_process_the_request"|"An_internal_error_has_occurred"|"Cancelled"|"A_user_recoverable_error_has_occurred"|"VALIDATION"|"SERVICE_QUOTA_EXCEEDED"|"ACCESS_DENIED"|"RESOURCE_NOT_FOUND"|"THROTTLING"|"INTERNAL_SERVICE_EXCEPTION"|"CANCELLED"|"USER_RECOVERABLE"
--- @field errorMessage? string  at most 1000 characters

--- @class finspace.PermissionGroup
--- @field permissionGroupId? string  1 to 26 characters; matches `.*\S.*`
--- @field name? string  1 to 255 characters; matches `.*\S.*`; never shown in errors and logs
--- @field description? string  1 to 4000 characters; matches `[\s\S]*`; never shown in errors and logs
--- @field applicationPermissions? ("CreateDataset"|"ManageClusters"|"ManageUsersAndGroups"|"ManageAttributeSets"|"ViewAuditData"|"AccessNotebooks"|"GetTemporaryCredentials")[]
--- @field createTime? integer
--- @field lastModifiedTime? integer
--- @field membershipStatus? "ADDITION_IN_PROGRESS"|"ADDITION_SUCCESS"|"REMOVAL_IN_PROGRESS"

--- @class finspace.PermissionGroupByUser
--- @field permissionGroupId? string  1 to 26 characters; matches `.*\S.*`
--- @field name? string  1 to 255 characters; matches `.*\S.*`; never shown in errors and logs
--- @field membershipStatus? "ADDITION_IN_PROGRESS"|"ADDITION_SUCCESS"|"REMOVAL_IN_PROGRESS"

--- @class finspace.PermissionGroupParams
--- @field permissionGroupId? string  1 to 26 characters; matches `.*\S.*`
--- @field datasetPermissions? finspace.ResourcePermission[]

--- @class finspace.ResourcePermission
--- @field permission? string  1 to 250 characters; matches `[\s\S]*\S[\s\S]*`

--- @class finspace.S3Location
--- @field bucket string  1 to 63 characters; matches `^.*\S.*$`
--- @field key string  1 to 1024 characters; matches `^.*\S.*$`

--- @class finspace.SchemaDefinition
--- @field columns? finspace.ColumnDefinition[]
--- @field primaryKeyColumns? string[]  each at most 126 characters

--- @class finspace.SchemaUnion
--- @field tabularSchemaConfig? finspace.SchemaDefinition

--- @class finspace.User
--- @field userId? string  1 to 26 characters; matches `.*\S.*`
--- @field status? "CREATING"|"ENABLED"|"DISABLED"
--- @field firstName? string  1 to 50 characters; matches `.*\S.*`; never shown in errors and logs
--- @field lastName? string  1 to 50 characters; matches `.*\S.*`; never shown in errors and logs
--- @field emailAddress? string  4 to 320 characters; matches `[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,4}`; never shown in errors and logs
--- @field type? "SUPER_USER"|"APP_USER"
--- @field apiAccess? "ENABLED"|"DISABLED"
--- @field apiAccessPrincipalArn? string  20 to 2048 characters; matches `^arn:aws[a-z\-]*:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+$`
--- @field createTime? integer
--- @field lastEnabledTime? integer
--- @field lastDisabledTime? integer
--- @field lastModifiedTime? integer
--- @field lastLoginTime? integer

--- @class finspace.UserByPermissionGroup
--- @field userId? string  1 to 26 characters; matches `.*\S.*`
--- @field status? "CREATING"|"ENABLED"|"DISABLED"
--- @field firstName? string  1 to 50 characters; matches `.*\S.*`; never shown in errors and logs
--- @field lastName? string  1 to 50 characters; matches `.*\S.*`; never shown in errors and logs
--- @field emailAddress? string  4 to 320 characters; matches `[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,4}`; never shown in errors and logs
--- @field type? "SUPER_USER"|"APP_USER"
--- @field apiAccess? "ENABLED"|"DISABLED"
--- @field apiAccessPrincipalArn? string  20 to 2048 characters; matches `^arn:aws[a-z\-]*:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+$`
--- @field membershipStatus? "ADDITION_IN_PROGRESS"|"ADDITION_SUCCESS"|"REMOVAL_IN_PROGRESS"

--- @class finspace.AssociateUserToPermissionGroupInput
--- @field permissionGroupId string  1 to 26 characters; matches `.*\S.*`
--- @field userId string  1 to 26 characters; matches `.*\S.*`
--- @field clientToken? string  1 to 128 characters; matches `.*\S.*`; made for each call when absent

--- @class finspace.AssociateUserToPermissionGroupOutput
--- @field statusCode? integer

--- @class finspace.CreateChangesetInput
--- @field clientToken? string  1 to 128 characters; matches `.*\S.*`; made for each call when absent
--- @field datasetId string  1 to 26 characters
--- @field changeType "REPLACE"|"APPEND"|"MODIFY"
--- @field sourceParams table<string, string>  keys at most 128 characters; values at most 1000 characters
--- @field formatParams table<string, string>  keys at most 128 characters; values at most 1000 characters

--- @class finspace.CreateChangesetOutput
--- @field datasetId? string  1 to 26 characters
--- @field changesetId? string  1 to 26 characters

--- @class finspace.CreateChangeset_2021_05Input
--- @field datasetId string  1 to 26 characters
--- @field changeType "REPLACE"|"APPEND"|"MODIFY"
--- @field sourceType "S3"
--- @field sourceParams table<string, string>
--- @field formatType? "CSV"|"JSON"|"PARQUET"|"XML"
--- @field formatParams? table<string, string>
--- @field tags? table<string, string>

--- @class finspace.CreateChangeset_2021_05Output
--- @field changeset? finspace.ChangesetInfo

--- @class finspace.CreateDataViewInput
--- @field clientToken? string  1 to 128 characters; matches `.*\S.*`; made for each call when absent
--- @field datasetId string  1 to 26 characters
--- @field autoUpdate? boolean
--- @field sortColumns? string[]  each 1 to 255 characters
--- @field partitionColumns? string[]  each 1 to 255 characters
--- @field asOfTimestamp? integer
--- @field destinationTypeParams finspace.DataViewDestinationTypeParams

--- @class finspace.CreateDataViewOutput
--- @field datasetId? string  1 to 26 characters
--- @field dataViewId? string  1 to 26 characters

--- @class finspace.CreateDatasetInput
--- @field clientToken? string  1 to 128 characters; matches `.*\S.*`; made for each call when absent
--- @field datasetTitle string  1 to 255 characters; matches `.*\S.*`
--- @field kind "TABULAR"|"NON_TABULAR"
--- @field datasetDescription? string  at most 1000 characters; matches `[\s\S]*`
--- @field ownerInfo? finspace.DatasetOwnerInfo
--- @field permissionGroupParams finspace.PermissionGroupParams
--- @field alias? string  1 to 255 characters; matches `^alias\/\S+`
--- @field schemaDefinition? finspace.SchemaUnion

--- @class finspace.CreateDatasetOutput
--- @field datasetId? string  1 to 26 characters

--- @class finspace.CreatePermissionGroupInput
--- @field name string  1 to 255 characters; matches `.*\S.*`; never shown in errors and logs
--- @field description? string  1 to 4000 characters; matches `[\s\S]*`; never shown in errors and logs
--- @field applicationPermissions ("CreateDataset"|"ManageClusters"|"ManageUsersAndGroups"|"ManageAttributeSets"|"ViewAuditData"|"AccessNotebooks"|"GetTemporaryCredentials")[]
--- @field clientToken? string  1 to 128 characters; matches `.*\S.*`; made for each call when absent

--- @class finspace.CreatePermissionGroupOutput
--- @field permissionGroupId? string  1 to 26 characters; matches `.*\S.*`

--- @class finspace.CreateUserInput
--- @field emailAddress string  4 to 320 characters; matches `[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,4}`; never shown in errors and logs
--- @field type "SUPER_USER"|"APP_USER"
--- @field firstName? string  1 to 50 characters; matches `.*\S.*`; never shown in errors and logs
--- @field lastName? string  1 to 50 characters; matches `.*\S.*`; never shown in errors and logs
--- @field apiAccess? "ENABLED"|"DISABLED"
--- @field apiAccessPrincipalArn? string  20 to 2048 characters; matches `^arn:aws[a-z\-]*:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+$`
--- @field clientToken? string  1 to 128 characters; matches `.*\S.*`; made for each call when absent

--- @class finspace.CreateUserOutput
--- @field userId? string  1 to 26 characters; matches `.*\S.*`

--- @class finspace.DeleteDatasetInput
--- @field clientToken? string  1 to 128 characters; matches `.*\S.*`; made for each call when absent
--- @field datasetId string  1 to 26 characters

--- @class finspace.DeleteDatasetOutput
--- @field datasetId? string  1 to 26 characters

--- @class finspace.DeletePermissionGroupInput
--- @field permissionGroupId string  1 to 26 characters; matches `.*\S.*`
--- @field clientToken? string  1 to 128 characters; matches `.*\S.*`; made for each call when absent

--- @class finspace.DeletePermissionGroupOutput
--- @field permissionGroupId? string  1 to 26 characters; matches `.*\S.*`

--- @class finspace.DisableUserInput
--- @field userId string  1 to 26 characters; matches `.*\S.*`
--- @field clientToken? string  1 to 128 characters; matches `.*\S.*`; made for each call when absent

--- @class finspace.DisableUserOutput
--- @field userId? string  1 to 26 characters; matches `.*\S.*`

--- @class finspace.DisassociateUserFromPermissionGroupInput
--- @field permissionGroupId string  1 to 26 characters; matches `.*\S.*`
--- @field userId string  1 to 26 characters; matches `.*\S.*`
--- @field clientToken? string  1 to 128 characters; matches `.*\S.*`; made for each call when absent

--- @class finspace.DisassociateUserFromPermissionGroupOutput
--- @field statusCode? integer

--- @class finspace.EnableUserInput
--- @field userId string  1 to 26 characters; matches `.*\S.*`
--- @field clientToken? string  1 to 128 characters; matches `.*\S.*`; made for each call when absent

--- @class finspace.EnableUserOutput
--- @field userId? string  1 to 26 characters; matches `.*\S.*`

--- @class finspace.GetChangesetInput
--- @field datasetId string  1 to 26 characters
--- @field changesetId string  1 to 26 characters

--- @class finspace.GetChangesetOutput
--- @field changesetId? string  1 to 26 characters
--- @field changesetArn? string
--- @field datasetId? string  1 to 26 characters
--- @field changeType? "REPLACE"|"APPEND"|"MODIFY"
--- @field sourceParams? table<string, string>  keys at most 128 characters; values at most 1000 characters
--- @field formatParams? table<string, string>  keys at most 128 characters; values at most 1000 characters
--- @field createTime? integer
--- @field status? "PENDING"|"FAILED"|"SUCCESS"|"RUNNING"|"STOP_REQUESTED"
--- @field errorInfo? finspace.ChangesetErrorInfo
--- @field activeUntilTimestamp? integer
--- @field activeFromTimestamp? integer
--- @field updatesChangesetId? string  1 to 26 characters
--- @field updatedByChangesetId? string  1 to 26 characters

--- @class finspace.GetDataViewInput
--- @field dataViewId string  1 to 26 characters
--- @field datasetId string  1 to 26 characters

--- @class finspace.GetDataViewOutput
--- @field autoUpdate? boolean
--- @field partitionColumns? string[]  each 1 to 255 characters
--- @field datasetId? string  1 to 26 characters
--- @field asOfTimestamp? integer
--- @field errorInfo? finspace.DataViewErrorInfo
--- @field lastModifiedTime? integer
--- @field createTime? integer
--- @field sortColumns? string[]  each 1 to 255 characters
--- @field dataViewId? string  1 to 26 characters
--- @field dataViewArn? string
--- @field destinationTypeParams? finspace.DataViewDestinationTypeParams
--- @field status? "RUNNING"|"STARTING"|"FAILED"|"CANCELLED"|"TIMEOUT"|"SUCCESS"|"PENDING"|"FAILED_CLEANUP_FAILED"

--- @class finspace.GetDatasetInput
--- @field datasetId string  1 to 255 characters; matches `[\s\S]*\S[\s\S]*`

--- @class finspace.GetDatasetOutput
--- @field datasetId? string  1 to 26 characters
--- @field datasetArn? string
--- @field datasetTitle? string  1 to 255 characters; matches `.*\S.*`
--- @field kind? "TABULAR"|"NON_TABULAR"
--- @field datasetDescription? string  at most 1000 characters; matches `[\s\S]*`
--- @field createTime? integer
--- @field lastModifiedTime? integer
--- @field schemaDefinition? finspace.SchemaUnion
--- @field alias? string  1 to 255 characters; matches `^alias\/\S+`
--- @field status? "PENDING"|"FAILED"|"SUCCESS"|"RUNNING"

--- @class finspace.GetExternalDataViewAccessDetailsInput
--- @field dataViewId string  1 to 26 characters
--- @field datasetId string  1 to 26 characters

--- @class finspace.GetExternalDataViewAccessDetailsOutput
--- @field credentials? finspace.AwsCredentials  never shown in errors and logs
--- @field s3Location? finspace.S3Location

--- @class finspace.GetPermissionGroupInput
--- @field permissionGroupId string  1 to 26 characters; matches `.*\S.*`

--- @class finspace.GetPermissionGroupOutput
--- @field permissionGroup? finspace.PermissionGroup

--- @class finspace.GetProgrammaticAccessCredentialsInput
--- @field durationInMinutes? integer  1 to 720
--- @field environmentId string  1 to 26 characters

--- @class finspace.GetProgrammaticAccessCredentialsOutput
--- @field credentials? finspace.Credentials  never shown in errors and logs
--- @field durationInMinutes? integer  1 to 720

--- @class finspace.GetUserInput
--- @field userId string  1 to 26 characters; matches `.*\S.*`

--- @class finspace.GetUserOutput
--- @field userId? string  1 to 26 characters; matches `.*\S.*`
--- @field status? "CREATING"|"ENABLED"|"DISABLED"
--- @field firstName? string  1 to 50 characters; matches `.*\S.*`; never shown in errors and logs
--- @field lastName? string  1 to 50 characters; matches `.*\S.*`; never shown in errors and logs
--- @field emailAddress? string  4 to 320 characters; matches `[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,4}`; never shown in errors and logs
--- @field type? "SUPER_USER"|"APP_USER"
--- @field apiAccess? "ENABLED"|"DISABLED"
--- @field apiAccessPrincipalArn? string  20 to 2048 characters; matches `^arn:aws[a-z\-]*:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+$`
--- @field createTime? integer
--- @field lastEnabledTime? integer
--- @field lastDisabledTime? integer
--- @field lastModifiedTime? integer
--- @field lastLoginTime? integer

--- @class finspace.GetWorkingLocationInput
--- @field locationType? "INGESTION"|"SAGEMAKER"

--- @class finspace.GetWorkingLocationOutput
--- @field s3Uri? string  1 to 1024 characters; matches `.*\S.*`
--- @field s3Path? string  1 to 1024 characters; matches `.*\S.*`
--- @field s3Bucket? string  1 to 63 characters; matches `.*\S.*`

--- @class finspace.ListChangesetsInput
--- @field datasetId string  1 to 26 characters
--- @field maxResults? integer  1 to 100
--- @field nextToken? string

--- @class finspace.ListChangesetsOutput
--- @field changesets? finspace.ChangesetSummary[]
--- @field nextToken? string

--- @class finspace.ListDataViewsInput
--- @field datasetId string  1 to 26 characters
--- @field nextToken? string
--- @field maxResults? integer  1 to 100

--- @class finspace.ListDataViewsOutput
--- @field nextToken? string
--- @field dataViews? finspace.DataViewSummary[]

--- @class finspace.ListDatasetsInput
--- @field nextToken? string
--- @field maxResults? integer  1 to 100

--- @class finspace.ListDatasetsOutput
--- @field datasets? finspace.Dataset[]
--- @field nextToken? string

--- @class finspace.ListPermissionGroupsInput
--- @field nextToken? string
--- @field maxResults integer  1 to 100

--- @class finspace.ListPermissionGroupsOutput
--- @field permissionGroups? finspace.PermissionGroup[]
--- @field nextToken? string

--- @class finspace.ListPermissionGroupsByUserInput
--- @field userId string  1 to 26 characters; matches `.*\S.*`
--- @field nextToken? string
--- @field maxResults integer  1 to 100

--- @class finspace.ListPermissionGroupsByUserOutput
--- @field permissionGroups? finspace.PermissionGroupByUser[]
--- @field nextToken? string

--- @class finspace.ListUsersInput
--- @field nextToken? string
--- @field maxResults integer  1 to 100

--- @class finspace.ListUsersOutput
--- @field users? finspace.User[]
--- @field nextToken? string

--- @class finspace.ListUsersByPermissionGroupInput
--- @field permissionGroupId string  1 to 26 characters; matches `.*\S.*`
--- @field nextToken? string
--- @field maxResults integer  1 to 100

--- @class finspace.ListUsersByPermissionGroupOutput
--- @field users? finspace.UserByPermissionGroup[]
--- @field nextToken? string

--- @class finspace.ResetUserPasswordInput
--- @field userId string  1 to 26 characters; matches `.*\S.*`
--- @field clientToken? string  1 to 128 characters; matches `.*\S.*`; made for each call when absent

--- @class finspace.ResetUserPasswordOutput
--- @field userId? string  1 to 26 characters; matches `.*\S.*`
--- @field temporaryPassword? string  8 to 20 characters; matches `.*\S.*`; never shown in errors and logs

--- @class finspace.UpdateChangesetInput
--- @field clientToken? string  1 to 128 characters; matches `.*\S.*`; made for each call when absent
--- @field datasetId string  1 to 26 characters
--- @field changesetId string  1 to 26 characters
--- @field sourceParams table<string, string>  keys at most 128 characters; values at most 1000 characters
--- @field formatParams table<string, string>  keys at most 128 characters; values at most 1000 characters

--- @class finspace.UpdateChangesetOutput
--- @field changesetId? string  1 to 26 characters
--- @field datasetId? string  1 to 26 characters

--- @class finspace.UpdateDatasetInput
--- @field clientToken? string  1 to 128 characters; matches `.*\S.*`; made for each call when absent
--- @field datasetId string  1 to 26 characters
--- @field datasetTitle string  1 to 255 characters; matches `.*\S.*`
--- @field kind "TABULAR"|"NON_TABULAR"
--- @field datasetDescription? string  at most 1000 characters; matches `[\s\S]*`
--- @field alias? string  1 to 255 characters; matches `^alias\/\S+`
--- @field schemaDefinition? finspace.SchemaUnion

--- @class finspace.UpdateDatasetOutput
--- @field datasetId? string  1 to 26 characters

--- @class finspace.UpdatePermissionGroupInput
--- @field permissionGroupId string  1 to 26 characters; matches `.*\S.*`
--- @field name? string  1 to 255 characters; matches `.*\S.*`; never shown in errors and logs
--- @field description? string  1 to 4000 characters; matches `[\s\S]*`; never shown in errors and logs
--- @field applicationPermissions? ("CreateDataset"|"ManageClusters"|"ManageUsersAndGroups"|"ManageAttributeSets"|"ViewAuditData"|"AccessNotebooks"|"GetTemporaryCredentials")[]
--- @field clientToken? string  1 to 128 characters; matches `.*\S.*`; made for each call when absent

--- @class finspace.UpdatePermissionGroupOutput
--- @field permissionGroupId? string  1 to 26 characters; matches `.*\S.*`

--- @class finspace.UpdateUserInput
--- @field userId string  1 to 26 characters; matches `.*\S.*`
--- @field type? "SUPER_USER"|"APP_USER"
--- @field firstName? string  1 to 50 characters; matches `.*\S.*`; never shown in errors and logs
--- @field lastName? string  1 to 50 characters; matches `.*\S.*`; never shown in errors and logs
--- @field apiAccess? "ENABLED"|"DISABLED"
--- @field apiAccessPrincipalArn? string  20 to 2048 characters; matches `^arn:aws[a-z\-]*:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+$`
--- @field clientToken? string  1 to 128 characters; matches `.*\S.*`; made for each call when absent

--- @class finspace.UpdateUserOutput
--- @field userId? string  1 to 26 characters; matches `.*\S.*`

--- @class finspace.Client
local Client = {}

--- Puts a user into a group.
--- @param params finspace.AssociateUserToPermissionGroupInput
--- @param call_options? finspace.CallOptions
--- @return finspace.AssociateUserToPermissionGroupOutput|nil result
--- @return finspace.Error|nil err
function Client:associate_user_to_permission_group(params, call_options) end

--- Makes a changeset of files in S3: data that is added to a dataset, or replaces what is there.
--- @param params finspace.CreateChangesetInput|finspace.CreateChangeset_2021_05Input
--- @param call_options? finspace.CallOptions
--- @return finspace.CreateChangesetOutput|finspace.CreateChangeset_2021_05Output|nil result
--- @return finspace.Error|nil err
function Client:create_changeset(params, call_options) end

--- Makes a view of a dataset as of a time, or one that follows later changesets.
--- @param params finspace.CreateDataViewInput
--- @param call_options? finspace.CallOptions
--- @return finspace.CreateDataViewOutput|nil result
--- @return finspace.Error|nil err
function Client:create_data_view(params, call_options) end

--- Makes a dataset: a title, a schema, and who may use it.
--- @param params finspace.CreateDatasetInput
--- @param call_options? finspace.CallOptions
--- @return finspace.CreateDatasetOutput|nil result
--- @return finspace.Error|nil err
function Client:create_dataset(params, call_options) end

--- Makes a group whose members may do the same things.
--- @param params finspace.CreatePermissionGroupInput
--- @param call_options? finspace.CallOptions
--- @return finspace.CreatePermissionGroupOutput|nil result
--- @return finspace.Error|nil err
function Client:create_permission_group(params, call_options) end

--- Makes a user of the environment.
--- @param params finspace.CreateUserInput
--- @param call_options? finspace.CallOptions
--- @return finspace.CreateUserOutput|nil result
--- @return finspace.Error|nil err
function Client:create_user(params, call_options) end

--- Deletes a dataset.
--- @param params finspace.DeleteDatasetInput
--- @param call_options? finspace.CallOptions
--- @return finspace.DeleteDatasetOutput|nil result
--- @return finspace.Error|nil err
function Client:delete_dataset(params, call_options) end

--- Deletes a permission group.
--- @param params finspace.DeletePermissionGroupInput
--- @param call_options? finspace.CallOptions
--- @return finspace.DeletePermissionGroupOutput|nil result
--- @return finspace.Error|nil err
function Client:delete_permission_group(params, call_options) end

--- Takes a user's access away, without forgetting the user.
--- @param params finspace.DisableUserInput
--- @param call_options? finspace.CallOptions
--- @return finspace.DisableUserOutput|nil result
--- @return finspace.Error|nil err
function Client:disable_user(params, call_options) end

--- Takes a user out of a group.
--- @param params finspace.DisassociateUserFromPermissionGroupInput
--- @param call_options? finspace.CallOptions
--- @return finspace.DisassociateUserFromPermissionGroupOutput|nil result
--- @return finspace.Error|nil err
function Client:disassociate_user_from_permission_group(params, call_options) end

--- Gives a disabled user access again.
--- @param params finspace.EnableUserInput
--- @param call_options? finspace.CallOptions
--- @return finspace.EnableUserOutput|nil result
--- @return finspace.Error|nil err
function Client:enable_user(params, call_options) end

--- Describes a changeset: its status above all, and its error when it failed.
--- @param params finspace.GetChangesetInput
--- @param call_options? finspace.CallOptions
--- @return finspace.GetChangesetOutput|nil result
--- @return finspace.Error|nil err
function Client:get_changeset(params, call_options) end

--- Describes a data view.
--- @param params finspace.GetDataViewInput
--- @param call_options? finspace.CallOptions
--- @return finspace.GetDataViewOutput|nil result
--- @return finspace.Error|nil err
function Client:get_data_view(params, call_options) end

--- Describes a dataset, by its id or its alias.
--- @param params finspace.GetDatasetInput
--- @param call_options? finspace.CallOptions
--- @return finspace.GetDatasetOutput|nil result
--- @return finspace.Error|nil err
function Client:get_dataset(params, call_options) end

--- Gives the place of a view's files in S3, and temporary keys that open it.
--- @param params finspace.GetExternalDataViewAccessDetailsInput
--- @param call_options? finspace.CallOptions
--- @return finspace.GetExternalDataViewAccessDetailsOutput|nil result
--- @return finspace.Error|nil err
function Client:get_external_data_view_access_details(params, call_options) end

--- Describes a permission group.
--- @param params finspace.GetPermissionGroupInput
--- @param call_options? finspace.CallOptions
--- @return finspace.GetPermissionGroupOutput|nil result
--- @return finspace.Error|nil err
function Client:get_permission_group(params, call_options) end

--- Exchanges IAM keys for FinSpace's own temporary ones. The option `environment_id` of `finspace.new` does this by itself.
--- @param params finspace.GetProgrammaticAccessCredentialsInput
--- @param call_options? finspace.CallOptions
--- @return finspace.GetProgrammaticAccessCredentialsOutput|nil result
--- @return finspace.Error|nil err
function Client:get_programmatic_access_credentials(params, call_options) end

--- Describes a user.
--- @param params finspace.GetUserInput
--- @param call_options? finspace.CallOptions
--- @return finspace.GetUserOutput|nil result
--- @return finspace.Error|nil err
function Client:get_user(params, call_options) end

--- Gives a place in S3 where files may be staged.
--- @param params? finspace.GetWorkingLocationInput
--- @param call_options? finspace.CallOptions
--- @return finspace.GetWorkingLocationOutput|nil result
--- @return finspace.Error|nil err
function Client:get_working_location(params, call_options) end

--- Lists changesets.
--- @param params finspace.ListChangesetsInput
--- @param call_options? finspace.CallOptions
--- @return finspace.ListChangesetsOutput|nil result
--- @return finspace.Error|nil err
function Client:list_changesets(params, call_options) end

--- Lists data views.
--- @param params finspace.ListDataViewsInput
--- @param call_options? finspace.CallOptions
--- @return finspace.ListDataViewsOutput|nil result
--- @return finspace.Error|nil err
function Client:list_data_views(params, call_options) end

--- Lists datasets.
--- @param params? finspace.ListDatasetsInput
--- @param call_options? finspace.CallOptions
--- @return finspace.ListDatasetsOutput|nil result
--- @return finspace.Error|nil err
function Client:list_datasets(params, call_options) end

--- Lists permission groups.
--- @param params finspace.ListPermissionGroupsInput
--- @param call_options? finspace.CallOptions
--- @return finspace.ListPermissionGroupsOutput|nil result
--- @return finspace.Error|nil err
function Client:list_permission_groups(params, call_options) end

--- Lists the groups that a user is in.
--- @param params finspace.ListPermissionGroupsByUserInput
--- @param call_options? finspace.CallOptions
--- @return finspace.ListPermissionGroupsByUserOutput|nil result
--- @return finspace.Error|nil err
function Client:list_permission_groups_by_user(params, call_options) end

--- Lists users.
--- @param params finspace.ListUsersInput
--- @param call_options? finspace.CallOptions
--- @return finspace.ListUsersOutput|nil result
--- @return finspace.Error|nil err
function Client:list_users(params, call_options) end

--- Lists the users in a group.
--- @param params finspace.ListUsersByPermissionGroupInput
--- @param call_options? finspace.CallOptions
--- @return finspace.ListUsersByPermissionGroupOutput|nil result
--- @return finspace.Error|nil err
function Client:list_users_by_permission_group(params, call_options) end

--- Gives a user a temporary password.
--- @param params finspace.ResetUserPasswordInput
--- @param call_options? finspace.CallOptions
--- @return finspace.ResetUserPasswordOutput|nil result
--- @return finspace.Error|nil err
function Client:reset_user_password(params, call_options) end

--- Replaces a changeset's files by others.
--- @param params finspace.UpdateChangesetInput
--- @param call_options? finspace.CallOptions
--- @return finspace.UpdateChangesetOutput|nil result
--- @return finspace.Error|nil err
function Client:update_changeset(params, call_options) end

--- Changes a dataset.
--- @param params finspace.UpdateDatasetInput
--- @param call_options? finspace.CallOptions
--- @return finspace.UpdateDatasetOutput|nil result
--- @return finspace.Error|nil err
function Client:update_dataset(params, call_options) end

--- Changes a permission group.
--- @param params finspace.UpdatePermissionGroupInput
--- @param call_options? finspace.CallOptions
--- @return finspace.UpdatePermissionGroupOutput|nil result
--- @return finspace.Error|nil err
function Client:update_permission_group(params, call_options) end

--- Changes a user.
--- @param params finspace.UpdateUserInput
--- @param call_options? finspace.CallOptions
--- @return finspace.UpdateUserOutput|nil result
--- @return finspace.Error|nil err
function Client:update_user(params, call_options) end
