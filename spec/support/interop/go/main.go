// The AWS SDK for Go v2 calls all 31 operations of the FinSpace API.
//
// finspace-interop ENDPOINT KEY_ID SECRET SOURCE, where SOURCE is the s3:// URI of a staged CSV with the columns ticker
// and price. Prints, one a line: each operation that was called; `lacks` and the members that no answer of an operation
// brought; and whether errors are of their types.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	fd "github.com/aws/aws-sdk-go-v2/service/finspacedata"
	"github.com/aws/aws-sdk-go-v2/service/finspacedata/types"
	"github.com/aws/smithy-go"
)

var s = aws.String
var number = aws.Int32

func client(endpoint, id, secret, token string) *fd.Client {
	keys := aws.Credentials{AccessKeyID: id, SecretAccessKey: secret, SessionToken: token}
	provider := func(context.Context) (aws.Credentials, error) { return keys, nil }
	settings := aws.Config{Region: "us-east-1", Credentials: aws.CredentialsProviderFunc(provider)}
	return fd.NewFromConfig(settings, fd.WithEndpointResolver(fd.EndpointResolverFromURL(endpoint)))
}

func makeGroup(c *fd.Client) *string {
	permissions := []types.ApplicationPermission{types.ApplicationPermissionCreateDataset}
	group := ask(c.CreatePermissionGroup, fd.CreatePermissionGroupInput{Name: s("Analysts"), Description: s("d"),
		ApplicationPermissions: permissions}).PermissionGroupId
	ask(c.UpdatePermissionGroup, fd.UpdatePermissionGroupInput{PermissionGroupId: group, Description: s("They read"),
		ApplicationPermissions: permissions})
	ask(c.GetPermissionGroup, fd.GetPermissionGroupInput{PermissionGroupId: group})
	ask(c.ListPermissionGroups, fd.ListPermissionGroupsInput{MaxResults: 100})
	return group
}

func makeUser(c *fd.Client) *string {
	user := ask(c.CreateUser, fd.CreateUserInput{EmailAddress: s("go@example.org"), Type: types.UserTypeAppUser,
		FirstName: s("Ada"), LastName: s("King"), ApiAccess: types.ApiAccessEnabled,
		ApiAccessPrincipalArn: s("arn:aws:iam::123456789012:role/go")}).UserId
	ask(c.UpdateUser, fd.UpdateUserInput{UserId: user, FirstName: s("Augusta")})
	ask(c.ResetUserPassword, fd.ResetUserPasswordInput{UserId: user})
	ask(c.DisableUser, fd.DisableUserInput{UserId: user})
	ask(c.EnableUser, fd.EnableUserInput{UserId: user})
	ask(c.GetUser, fd.GetUserInput{UserId: user})
	ask(c.ListUsers, fd.ListUsersInput{MaxResults: 100})
	return user
}

func join(c *fd.Client, user, group *string) {
	ask(c.AssociateUserToPermissionGroup, fd.AssociateUserToPermissionGroupInput{PermissionGroupId: group, UserId: user})
	ask(c.ListUsersByPermissionGroup, fd.ListUsersByPermissionGroupInput{PermissionGroupId: group, MaxResults: 5})
	ask(c.ListPermissionGroupsByUser, fd.ListPermissionGroupsByUserInput{UserId: user, MaxResults: 5})
}

func column(name string, kind types.ColumnDataType) types.ColumnDefinition {
	return types.ColumnDefinition{ColumnName: s(name), DataType: kind, ColumnDescription: s("d")}
}

func makeDataset(c *fd.Client, group *string) *string {
	table := &types.SchemaDefinition{PrimaryKeyColumns: []string{"ticker"}, Columns: []types.ColumnDefinition{
		column("ticker", types.ColumnDataTypeString), column("price", types.ColumnDataTypeDouble)}}
	dataset := ask(c.CreateDataset, fd.CreateDatasetInput{DatasetTitle: s("Prices"), Kind: types.DatasetKindTabular,
		DatasetDescription: s("d"), Alias: s("alias/go"), SchemaDefinition: &types.SchemaUnion{TabularSchemaConfig: table},
		PermissionGroupParams: &types.PermissionGroupParams{PermissionGroupId: group,
			DatasetPermissions: []types.ResourcePermission{{Permission: s("ViewDatasetDetails")}}},
		OwnerInfo: &types.DatasetOwnerInfo{Name: s("Ada"), PhoneNumber: s("+1 212 555 0100"),
			Email: s("ada@example.org")}}).DatasetId
	ask(c.UpdateDataset, fd.UpdateDatasetInput{DatasetId: dataset, DatasetTitle: s("Prices, daily"),
		Kind: types.DatasetKindTabular})
	ask(c.GetDataset, fd.GetDatasetInput{DatasetId: s("alias/go")})
	ask(c.ListDatasets, fd.ListDatasetsInput{MaxResults: number(100)})
	ask(c.GetWorkingLocation, fd.GetWorkingLocationInput{LocationType: types.LocationTypeIngestion})
	return dataset
}

// await asks until the status is SUCCESS.
func await[Status ~string](status func() Status) {
	for tries := 0; status() != "SUCCESS"; tries++ {
		if tries == 3000 {
			panic("no SUCCESS within a minute")
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func load(c *fd.Client, dataset *string, source string) {
	from := map[string]string{"s3SourcePath": source, "sourceType": "S3"}
	format := map[string]string{"formatType": "CSV", "withHeader": "true"}
	get := func(id *string) *fd.GetChangesetOutput {
		return ask(c.GetChangeset, fd.GetChangesetInput{DatasetId: dataset, ChangesetId: id})
	}
	first := ask(c.CreateChangeset, fd.CreateChangesetInput{DatasetId: dataset, ChangeType: types.ChangeTypeAppend,
		SourceParams: from, FormatParams: format}).ChangesetId
	await(func() types.IngestionStatus { return get(first).Status })
	second := ask(c.UpdateChangeset, fd.UpdateChangesetInput{DatasetId: dataset, ChangesetId: first, SourceParams: from,
		FormatParams: format}).ChangesetId
	await(func() types.IngestionStatus { return get(second).Status })
	get(first) // which now says by whom it is replaced
	ask(c.ListChangesets, fd.ListChangesetsInput{DatasetId: dataset, MaxResults: number(100)})
}

// makeView gives the keys that open the view's files.
func makeView(c *fd.Client, dataset *string) *types.AwsCredentials {
	to := &types.DataViewDestinationTypeParams{DestinationType: s("S3"),
		S3DestinationExportFileFormat:        types.ExportFileFormatDelimitedText,
		S3DestinationExportFileFormatOptions: map[string]string{"header": "true", "delimiter": ","}}
	view := ask(c.CreateDataView, fd.CreateDataViewInput{DatasetId: dataset, AutoUpdate: true, DestinationTypeParams: to,
		SortColumns: []string{"ticker"}, PartitionColumns: []string{"price"}}).DataViewId
	await(func() types.DataViewStatus {
		return ask(c.GetDataView, fd.GetDataViewInput{DatasetId: dataset, DataViewId: view}).Status
	})
	ask(c.ListDataViews, fd.ListDataViewsInput{DatasetId: dataset, MaxResults: number(100)})
	return ask(c.GetExternalDataViewAccessDetails, fd.GetExternalDataViewAccessDetailsInput{DatasetId: dataset,
		DataViewId: view}).Credentials
}

func is[Kind error](problem error) bool {
	var kind Kind
	return errors.As(problem, &kind)
}

func fail(c, ofView, withWrongSecret *fd.Client) {
	unknown := refusal(c.GetDataset, fd.GetDatasetInput{DatasetId: s("aaaaaaaaaaaaaaaaaaaaaa")})
	fmt.Println("not found:", is[*types.ResourceNotFoundException](unknown))
	taken := refusal(c.CreateDataset, fd.CreateDatasetInput{DatasetTitle: s("x"), Kind: types.DatasetKindTabular,
		Alias: s("alias/go"), PermissionGroupParams: &types.PermissionGroupParams{}})
	fmt.Println("conflict:", is[*types.ConflictException](taken))
	invalid := refusal(c.ListUsers, fd.ListUsersInput{MaxResults: 101})
	fmt.Println("validation:", is[*types.ValidationException](invalid))
	denied := refusal(ofView.GetDataset, fd.GetDatasetInput{DatasetId: s("alias/go")})
	fmt.Println("denied:", is[*types.AccessDeniedException](denied))
	var wrong smithy.APIError
	errors.As(refusal(withWrongSecret.ListDatasets, fd.ListDatasetsInput{}), &wrong)
	fmt.Println("wrong secret:", wrong.ErrorCode())
}

func end(c *fd.Client, user, group, dataset *string) {
	ask(c.GetProgrammaticAccessCredentials, fd.GetProgrammaticAccessCredentialsInput{EnvironmentId: s("any"),
		DurationInMinutes: 60})
	ask(c.DisassociateUserFromPermissionGroup, fd.DisassociateUserFromPermissionGroupInput{PermissionGroupId: group,
		UserId: user})
	ask(c.DeletePermissionGroup, fd.DeletePermissionGroupInput{PermissionGroupId: group})
	ask(c.DeleteDataset, fd.DeleteDatasetInput{DatasetId: dataset})
}

func main() {
	endpoint, id, secret, source := os.Args[1], os.Args[2], os.Args[3], os.Args[4]
	c := client(endpoint, id, secret, "")
	group, user := makeGroup(c), makeUser(c)
	join(c, user, group)
	dataset := makeDataset(c, group)
	load(c, dataset, source)
	keys := makeView(c, dataset)
	ofView := client(endpoint, *keys.AccessKeyId, *keys.SecretAccessKey, *keys.SessionToken)
	fail(c, ofView, client(endpoint, id, strings.Repeat("x", 40), ""))
	end(c, user, group, dataset)
	show()
}
