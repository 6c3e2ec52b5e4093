// The AWS SDK for Go calls all 31 operations of the FinSpace API.
//
// finspace-interop ENDPOINT KEY_ID SECRET SOURCE, where SOURCE is the s3:// URI of a staged CSV with the columns ticker
// and price. Prints, one a line: each operation that was called; `lacks` and the members that no answer of an operation
// brought; and whether errors are of their types.
package main

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/awserr"
	"github.com/aws/aws-sdk-go/aws/credentials"
	"github.com/aws/aws-sdk-go/aws/session"
	fd "github.com/aws/aws-sdk-go/service/finspacedata"
)

type names map[string]bool

// What every answer of an operation lacked.
var lacking = map[string]names{}

// read notes which members of an answer are there and which are not.
func read(value reflect.Value, given, absent names) {
	switch value.Kind() {
	case reflect.Ptr:
		read(value.Elem(), given, absent)
	case reflect.Slice:
		for i := 0; i < value.Len(); i++ {
			read(value.Index(i), given, absent)
		}
	case reflect.Struct:
		for i := 0; i < value.NumField(); i++ {
			readMember(value.Type().Field(i), value.Field(i), given, absent)
		}
	}
}

func readMember(field reflect.StructField, member reflect.Value, given, absent names) {
	name := field.Tag.Get("locationName")
	if name == "" { // of the SDK's own
		return
	}
	if member.IsNil() {
		absent[name] = true
		return
	}
	given[name] = true
	if field.Type != reflect.TypeOf(&time.Time{}) {
		read(member, given, absent)
	}
}

func lacks(answer any) names {
	given, absent := names{}, names{}
	read(reflect.ValueOf(answer), given, absent)
	for name := range given {
		delete(absent, name)
	}
	return absent
}

// ask gives an operation's answer, and ends where it was refused.
func ask[Answer any](answer *Answer, problem error) *Answer {
	operation := strings.TrimSuffix(reflect.TypeOf(answer).Elem().Name(), "Output")
	if problem != nil {
		fmt.Fprintln(os.Stderr, operation, problem)
		os.Exit(1)
	}
	now := lacks(answer)
	known, is_known := lacking[operation]
	if !is_known {
		lacking[operation] = now
	}
	for name := range known {
		if !now[name] {
			delete(known, name)
		}
	}
	return answer
}

func show() {
	for operation, members := range lacking {
		fmt.Println("called", operation)
		for name := range members {
			fmt.Println("lacks", operation, name)
		}
	}
}

func client(endpoint, id, secret, token string) *fd.FinSpaceData {
	keys := credentials.NewStaticCredentials(id, secret, token)
	settings := aws.NewConfig().WithRegion("us-east-1").WithEndpoint(endpoint).WithCredentials(keys)
	return fd.New(session.Must(session.NewSession(settings)))
}

var s = aws.String
var number = aws.Int64

func people(c *fd.FinSpaceData) (group, user *string) {
	permissions := []*string{s("CreateDataset")}
	group = ask(c.CreatePermissionGroup(&fd.CreatePermissionGroupInput{Name: s("Analysts"), Description: s("d"),
		ApplicationPermissions: permissions})).PermissionGroupId
	ask(c.UpdatePermissionGroup(&fd.UpdatePermissionGroupInput{PermissionGroupId: group, Description: s("They read"),
		ApplicationPermissions: permissions}))
	ask(c.GetPermissionGroup(&fd.GetPermissionGroupInput{PermissionGroupId: group}))
	ask(c.ListPermissionGroups(&fd.ListPermissionGroupsInput{MaxResults: number(100)}))
	user = ask(c.CreateUser(&fd.CreateUserInput{EmailAddress: s("go@example.org"), Type: s("APP_USER"), FirstName: s("Ada"),
		LastName: s("King"), ApiAccess: s("ENABLED"),
		ApiAccessPrincipalArn: s("arn:aws:iam::123456789012:role/go")})).UserId
	ask(c.UpdateUser(&fd.UpdateUserInput{UserId: user, FirstName: s("Augusta")}))
	ask(c.AssociateUserToPermissionGroup(&fd.AssociateUserToPermissionGroupInput{PermissionGroupId: group, UserId: user}))
	ask(c.ListUsersByPermissionGroup(&fd.ListUsersByPermissionGroupInput{PermissionGroupId: group, MaxResults: number(5)}))
	ask(c.ListPermissionGroupsByUser(&fd.ListPermissionGroupsByUserInput{UserId: user, MaxResults: number(5)}))
	ask(c.ListUsers(&fd.ListUsersInput{MaxResults: number(100)}))
	ask(c.ResetUserPassword(&fd.ResetUserPasswordInput{UserId: user}))
	ask(c.DisableUser(&fd.DisableUserInput{UserId: user}))
	ask(c.EnableUser(&fd.EnableUserInput{UserId: user}))
	ask(c.GetUser(&fd.GetUserInput{UserId: user}))
	return group, user
}

func column(name, kind string) *fd.ColumnDefinition {
	return &fd.ColumnDefinition{ColumnName: s(name), DataType: s(kind), ColumnDescription: s("d")}
}

func dataset(c *fd.FinSpaceData, group *string) *string {
	table := &fd.SchemaDefinition{PrimaryKeyColumns: []*string{s("ticker")},
		Columns: []*fd.ColumnDefinition{column("ticker", "STRING"), column("price", "DOUBLE")}}
	made := ask(c.CreateDataset(&fd.CreateDatasetInput{DatasetTitle: s("Prices"), Kind: s("TABULAR"),
		DatasetDescription: s("d"), Alias: s("alias/go"), SchemaDefinition: &fd.SchemaUnion{TabularSchemaConfig: table},
		PermissionGroupParams: &fd.PermissionGroupParams{PermissionGroupId: group,
			DatasetPermissions: []*fd.ResourcePermission{{Permission: s("ViewDatasetDetails")}}},
		OwnerInfo: &fd.DatasetOwnerInfo{Name: s("Ada"), PhoneNumber: s("+1 212 555 0100"),
			Email: s("ada@example.org")}})).DatasetId
	ask(c.UpdateDataset(&fd.UpdateDatasetInput{DatasetId: made, DatasetTitle: s("Prices, daily"), Kind: s("TABULAR")}))
	ask(c.GetDataset(&fd.GetDatasetInput{DatasetId: s("alias/go")}))
	ask(c.ListDatasets(&fd.ListDatasetsInput{MaxResults: number(100)}))
	ask(c.GetWorkingLocation(&fd.GetWorkingLocationInput{LocationType: s("INGESTION")}))
	return made
}

// await asks until the status is SUCCESS.
func await(status func() *string) {
	for tries := 0; *status() != "SUCCESS"; tries++ {
		if tries == 3000 {
			panic("no SUCCESS within a minute")
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func load(c *fd.FinSpaceData, dataset *string, source string) {
	from := map[string]*string{"s3SourcePath": s(source), "sourceType": s("S3")}
	format := map[string]*string{"formatType": s("CSV"), "withHeader": s("true")}
	status := func(id *string) func() *string {
		return func() *string {
			return ask(c.GetChangeset(&fd.GetChangesetInput{DatasetId: dataset, ChangesetId: id})).Status
		}
	}
	first := ask(c.CreateChangeset(&fd.CreateChangesetInput{DatasetId: dataset, ChangeType: s("APPEND"), SourceParams: from,
		FormatParams: format})).ChangesetId
	await(status(first))
	second := ask(c.UpdateChangeset(&fd.UpdateChangesetInput{DatasetId: dataset, ChangesetId: first, SourceParams: from,
		FormatParams: format})).ChangesetId
	await(status(second))
	await(status(first)) // which now says by whom it is replaced
	ask(c.ListChangesets(&fd.ListChangesetsInput{DatasetId: dataset, MaxResults: number(100)}))
}

// view gives the keys that open the view's files.
func view(c *fd.FinSpaceData, dataset *string) *fd.AwsCredentials {
	to := &fd.DataViewDestinationTypeParams{DestinationType: s("S3"), S3DestinationExportFileFormat: s("DELIMITED_TEXT"),
		S3DestinationExportFileFormatOptions: map[string]*string{"header": s("true"), "delimiter": s(",")}}
	made := ask(c.CreateDataView(&fd.CreateDataViewInput{DatasetId: dataset, AutoUpdate: aws.Bool(true),
		SortColumns: []*string{s("ticker")}, PartitionColumns: []*string{s("price")}, DestinationTypeParams: to})).DataViewId
	await(func() *string {
		return ask(c.GetDataView(&fd.GetDataViewInput{DatasetId: dataset, DataViewId: made})).Status
	})
	ask(c.ListDataViews(&fd.ListDataViewsInput{DatasetId: dataset, MaxResults: number(100)}))
	return ask(c.GetExternalDataViewAccessDetails(&fd.GetExternalDataViewAccessDetailsInput{DatasetId: dataset,
		DataViewId: made})).Credentials
}

func is[Kind error](problem error) bool {
	var kind Kind
	return errors.As(problem, &kind)
}

func refusals(c, ofView, withWrongSecret *fd.FinSpaceData) {
	_, unknown := c.GetDataset(&fd.GetDatasetInput{DatasetId: s("aaaaaaaaaaaaaaaaaaaaaa")})
	fmt.Println("not found:", is[*fd.ResourceNotFoundException](unknown))
	_, taken := c.CreateDataset(&fd.CreateDatasetInput{DatasetTitle: s("x"), Kind: s("TABULAR"), Alias: s("alias/go"),
		PermissionGroupParams: &fd.PermissionGroupParams{}})
	fmt.Println("conflict:", is[*fd.ConflictException](taken))
	_, invalid := c.ListUsers(&fd.ListUsersInput{MaxResults: number(101)})
	fmt.Println("validation:", is[*fd.ValidationException](invalid))
	_, denied := ofView.GetDataset(&fd.GetDatasetInput{DatasetId: s("alias/go")})
	fmt.Println("denied:", is[*fd.AccessDeniedException](denied))
	_, wrong := withWrongSecret.ListDatasets(&fd.ListDatasetsInput{})
	var coded awserr.Error
	errors.As(wrong, &coded)
	fmt.Println("wrong secret:", coded.Code())
}

func end(c *fd.FinSpaceData, group, user, dataset *string) {
	ask(c.GetProgrammaticAccessCredentials(&fd.GetProgrammaticAccessCredentialsInput{EnvironmentId: s("any"),
		DurationInMinutes: number(60)}))
	ask(c.DisassociateUserFromPermissionGroup(&fd.DisassociateUserFromPermissionGroupInput{PermissionGroupId: group,
		UserId: user}))
	ask(c.DeletePermissionGroup(&fd.DeletePermissionGroupInput{PermissionGroupId: group}))
	ask(c.DeleteDataset(&fd.DeleteDatasetInput{DatasetId: dataset}))
}

func main() {
	endpoint, id, secret, source := os.Args[1], os.Args[2], os.Args[3], os.Args[4]
	c := client(endpoint, id, secret, "")
	group, user := people(c)
	made := dataset(c, group)
	load(c, made, source)
	keys := view(c, made)
	ofView := client(endpoint, *keys.AccessKeyId, *keys.SecretAccessKey, *keys.SessionToken)
	refusals(c, ofView, client(endpoint, id, strings.Repeat("x", 40), ""))
	end(c, group, user, made)
	show()
}
