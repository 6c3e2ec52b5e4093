//! The AWS SDK for Rust calls all 31 operations of the FinSpace API.
//!
//! `finspace-interop ENDPOINT KEY_ID SECRET SOURCE`, where SOURCE is the s3:// URI of a staged CSV with the columns
//! ticker and price. Prints, one a line: each operation that was called; `lacks` and the members that no answer of
//! an operation brought; and what the typed errors say.

#![allow(deprecated)] // the service is no longer Amazon's

use aws_sdk_finspacedata::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_finspacedata::error::ProvideErrorMetadata;
use aws_sdk_finspacedata::types::*;
use aws_sdk_finspacedata::{Client, Config};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The members that every answer of an operation lacked.
#[derive(Default)]
struct Answers(BTreeMap<&'static str, BTreeSet<String>>);

impl Answers {
    fn note(&mut self, operation: &'static str, shown: &str) {
        let lacks = absent(shown);
        let known = self.0.entry(operation).or_insert_with(|| lacks.clone());
        *known = known.intersection(&lacks).cloned().collect();
    }

    fn print(&self) {
        for (operation, members) in &self.0 {
            println!("called {operation}");
            for member in members {
                println!("lacks {operation} {member}");
            }
        }
    }
}

/// The names before `: None` in an answer's debug form, of those that nothing in it has a value of.
fn absent(shown: &str) -> BTreeSet<String> {
    let mut pieces: Vec<&str> = shown.split(": None").collect();
    pieces.pop();
    let name = |piece: &str| piece.rsplit(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or("").to_string();
    let has_none = |name: &String| !shown.contains(&format!(" {name}: Some"));
    pieces.into_iter().map(name).filter(has_none).collect()
}

macro_rules! ask {
    ($answers:expr, $operation:literal, $request:expr) => {{
        let answer = $request.send().await.unwrap_or_else(|problem| panic!("{}: {:?}", $operation, problem));
        $answers.note($operation, &format!("{answer:?}"));
        answer
    }};
}

/// Asks until the status is this one.
macro_rules! ask_until {
    ($answers:expr, $operation:literal, $request:expr, $status:expr) => {{
        let mut answer = ask!($answers, $operation, $request);
        for _ in 0..3000 {
            if answer.status() == Some(&$status) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
            answer = ask!($answers, $operation, $request);
        }
        answer
    }};
}

fn client(endpoint: &str, credentials: Credentials) -> Client {
    Client::from_conf(
        Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .region(Region::new("us-east-1"))
            .endpoint_url(endpoint)
            .credentials_provider(credentials)
            .build(),
    )
}

fn column(name: &str, kind: ColumnDataType) -> ColumnDefinition {
    ColumnDefinition::builder().column_name(name).data_type(kind).column_description("d").build()
}

fn schema() -> SchemaUnion {
    let table = SchemaDefinition::builder()
        .columns(column("ticker", ColumnDataType::String))
        .columns(column("price", ColumnDataType::Double))
        .primary_key_columns("ticker")
        .build();
    SchemaUnion::builder().tabular_schema_config(table).build()
}

async fn people(c: &Client, a: &mut Answers) -> (String, String) {
    let permission = ApplicationPermission::CreateDataset;
    let group = c.create_permission_group().name("Analysts").description("d").application_permissions(permission.clone());
    let group = ask!(a, "CreatePermissionGroup", group).permission_group_id().unwrap().to_string();
    let renamed = c.update_permission_group().permission_group_id(&group).description("They read");
    ask!(a, "UpdatePermissionGroup", renamed.application_permissions(permission));
    ask!(a, "GetPermissionGroup", c.get_permission_group().permission_group_id(&group));
    ask!(a, "ListPermissionGroups", c.list_permission_groups().max_results(100));

    let user = c.create_user().email_address("rust@example.org").r#type(UserType::AppUser).first_name("Ada").last_name("King");
    let user = user.api_access(ApiAccess::Enabled).api_access_principal_arn("arn:aws:iam::123456789012:role/rust");
    let user = ask!(a, "CreateUser", user).user_id().unwrap().to_string();
    ask!(a, "UpdateUser", c.update_user().user_id(&user).first_name("Augusta"));
    let member = c.associate_user_to_permission_group().permission_group_id(&group).user_id(&user);
    ask!(a, "AssociateUserToPermissionGroup", member);
    let members = c.list_users_by_permission_group().permission_group_id(&group).max_results(5);
    ask!(a, "ListUsersByPermissionGroup", members);
    ask!(a, "ListPermissionGroupsByUser", c.list_permission_groups_by_user().user_id(&user).max_results(5));
    ask!(a, "ListUsers", c.list_users().max_results(100));
    ask!(a, "ResetUserPassword", c.reset_user_password().user_id(&user));
    ask!(a, "DisableUser", c.disable_user().user_id(&user));
    ask!(a, "EnableUser", c.enable_user().user_id(&user));
    ask!(a, "GetUser", c.get_user().user_id(&user));
    (group, user)
}

async fn dataset(c: &Client, a: &mut Answers, group: &str) -> String {
    let permission = ResourcePermission::builder().permission("ViewDatasetDetails").build();
    let granted = PermissionGroupParams::builder().permission_group_id(group).dataset_permissions(permission).build();
    let owner = DatasetOwnerInfo::builder().name("Ada").phone_number("+1 212 555 0100").email("ada@example.org").build();
    let made = c.create_dataset().dataset_title("Prices").kind(DatasetKind::Tabular).dataset_description("d");
    let made = made.alias("alias/rust").schema_definition(schema()).permission_group_params(granted).owner_info(owner);
    let dataset = ask!(a, "CreateDataset", made).dataset_id().unwrap().to_string();
    let renamed = c.update_dataset().dataset_id(&dataset).dataset_title("Prices, daily").kind(DatasetKind::Tabular);
    ask!(a, "UpdateDataset", renamed);
    ask!(a, "GetDataset", c.get_dataset().dataset_id("alias/rust"));
    ask!(a, "ListDatasets", c.list_datasets().max_results(100));
    ask!(a, "GetWorkingLocation", c.get_working_location().location_type(LocationType::Ingestion));
    dataset
}

async fn changesets(c: &Client, a: &mut Answers, dataset: &str, source: &str) {
    let made = c.create_changeset().dataset_id(dataset).change_type(ChangeType::Append);
    let made = made.source_params("s3SourcePath", source).source_params("sourceType", "S3");
    let made = made.format_params("formatType", "CSV").format_params("withHeader", "true");
    let first = ask!(a, "CreateChangeset", made).changeset_id().unwrap().to_string();
    let done = IngestionStatus::Success;
    ask_until!(a, "GetChangeset", c.get_changeset().dataset_id(dataset).changeset_id(&first), done);
    let better = c.update_changeset().dataset_id(dataset).changeset_id(&first).source_params("s3SourcePath", source);
    let better = better.source_params("sourceType", "S3").format_params("formatType", "CSV");
    let second = ask!(a, "UpdateChangeset", better).changeset_id().unwrap().to_string();
    ask_until!(a, "GetChangeset", c.get_changeset().dataset_id(dataset).changeset_id(&second), done);
    ask!(a, "GetChangeset", c.get_changeset().dataset_id(dataset).changeset_id(&first));
    ask!(a, "ListChangesets", c.list_changesets().dataset_id(dataset).max_results(100));
}

/// Gives the keys that open the view's files.
async fn view(c: &Client, a: &mut Answers, dataset: &str) -> Credentials {
    let options = [("header", "true"), ("delimiter", ",")].map(|(name, value)| (name.to_string(), value.to_string()));
    let to = DataViewDestinationTypeParams::builder().destination_type("S3");
    let to = to.s3_destination_export_file_format(ExportFileFormat::DelimitedText);
    let to = to.set_s3_destination_export_file_format_options(Some(options.into())).build().unwrap();
    let made = c.create_data_view().dataset_id(dataset).auto_update(true).sort_columns("ticker");
    let made = made.partition_columns("price").destination_type_params(to);
    let view = ask!(a, "CreateDataView", made).data_view_id().unwrap().to_string();
    ask_until!(a, "GetDataView", c.get_data_view().dataset_id(dataset).data_view_id(&view), DataViewStatus::Success);
    ask!(a, "ListDataViews", c.list_data_views().dataset_id(dataset).max_results(100));
    let details = c.get_external_data_view_access_details().dataset_id(dataset).data_view_id(&view);
    let details = ask!(a, "GetExternalDataViewAccessDetails", details);
    let keys = details.credentials().unwrap();
    let token = keys.session_token().map(str::to_string);
    Credentials::new(keys.access_key_id().unwrap(), keys.secret_access_key().unwrap(), token, None, "view")
}

async fn errors(c: &Client, of_view: &Client, with_wrong_secret: &Client) {
    let unknown = c.get_dataset().dataset_id("aaaaaaaaaaaaaaaaaaaaaa").send().await.unwrap_err().into_service_error();
    println!("not found: {}", unknown.is_resource_not_found_exception());
    let taken = c.create_dataset().dataset_title("x").kind(DatasetKind::Tabular).alias("alias/rust");
    let taken = taken.permission_group_params(PermissionGroupParams::builder().build());
    println!("conflict: {}", taken.send().await.unwrap_err().into_service_error().is_conflict_exception());
    let invalid = c.list_users().max_results(101).send().await.unwrap_err().into_service_error();
    println!("validation: {}", invalid.is_validation_exception());
    let denied = of_view.get_dataset().dataset_id("alias/rust").send().await.unwrap_err().into_service_error();
    println!("denied: {}", denied.is_access_denied_exception());
    let wrong = with_wrong_secret.list_datasets().send().await.unwrap_err().into_service_error();
    println!("wrong secret: {}", wrong.code().unwrap_or("no code"));
}

async fn end(c: &Client, a: &mut Answers, group: &str, user: &str, dataset: &str) {
    let keys = c.get_programmatic_access_credentials().environment_id("any").duration_in_minutes(60);
    let keys = ask!(a, "GetProgrammaticAccessCredentials", keys);
    assert!(keys.credentials().unwrap().session_token().is_some());
    let left = c.disassociate_user_from_permission_group().permission_group_id(group).user_id(user);
    ask!(a, "DisassociateUserFromPermissionGroup", left);
    ask!(a, "DeletePermissionGroup", c.delete_permission_group().permission_group_id(group));
    ask!(a, "DeleteDataset", c.delete_dataset().dataset_id(dataset));
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let words: Vec<String> = std::env::args().collect();
    let [_, endpoint, id, secret, source] = &words[..] else { panic!("finspace-interop ENDPOINT KEY_ID SECRET SOURCE") };
    let c = client(endpoint, Credentials::new(id, secret, None, None, "static"));
    let wrong = client(endpoint, Credentials::new(id, "x".repeat(40), None, None, "static"));
    let mut answers = Answers::default();
    let (group, user) = people(&c, &mut answers).await;
    let dataset = dataset(&c, &mut answers, &group).await;
    changesets(&c, &mut answers, &dataset, source).await;
    let keys = view(&c, &mut answers, &dataset).await;
    errors(&c, &client(endpoint, keys), &wrong).await;
    end(&c, &mut answers, &group, &user, &dataset).await;
    answers.print();
}
