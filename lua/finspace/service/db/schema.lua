--- The tables of the service, in SQLite's words (finspace.service.db.dialect has PostgreSQL's). Times are epoch
--- milliseconds unless a column's name says otherwise. Lists and maps are JSON text.

local schema = {}

--- What the service knows.
schema.METADATA = [[
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS users (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,
  email TEXT NOT NULL UNIQUE COLLATE NOCASE, type TEXT NOT NULL,
  first_name TEXT, last_name TEXT, api_access TEXT NOT NULL, principal_arn TEXT, status TEXT NOT NULL,
  created INTEGER NOT NULL, modified INTEGER NOT NULL,
  last_enabled INTEGER, last_disabled INTEGER, last_login INTEGER);
CREATE UNIQUE INDEX IF NOT EXISTS users_by_email ON users (lower(email));
CREATE INDEX IF NOT EXISTS users_by_principal ON users (principal_arn);

CREATE TABLE IF NOT EXISTS access_keys (
  id TEXT PRIMARY KEY, secret TEXT NOT NULL, session_token TEXT, user_id TEXT NOT NULL,
  expires_seconds INTEGER, bucket TEXT, prefix TEXT) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS passwords (
  user_id TEXT PRIMARY KEY, hash TEXT NOT NULL, is_temporary INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS console_keys (id TEXT PRIMARY KEY) WITHOUT ROWID; -- of access_keys, those of sign-ins
CREATE TABLE IF NOT EXISTS session_policies (id TEXT PRIMARY KEY, policy TEXT NOT NULL) WITHOUT ROWID; -- of access_keys
CREATE TABLE IF NOT EXISTS sign_in_tries (
  subject TEXT PRIMARY KEY, failures INTEGER NOT NULL, latest INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS used_links (
  number TEXT PRIMARY KEY, expires_seconds INTEGER NOT NULL) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS permission_groups (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL UNIQUE,
  description TEXT, permissions TEXT NOT NULL, created INTEGER NOT NULL, modified INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS memberships (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, group_id TEXT NOT NULL, user_id TEXT NOT NULL,
  UNIQUE (group_id, user_id));
CREATE INDEX IF NOT EXISTS memberships_by_user ON memberships (user_id);

CREATE TABLE IF NOT EXISTS datasets (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, title TEXT NOT NULL, kind TEXT NOT NULL,
  description TEXT, owner TEXT, alias TEXT UNIQUE, schema TEXT, created_by TEXT NOT NULL,
  created INTEGER NOT NULL, modified INTEGER NOT NULL,
  latest_moment INTEGER NOT NULL DEFAULT 0); -- at which a changeset began or ended to count
CREATE TABLE IF NOT EXISTS dataset_permissions (
  dataset_id TEXT NOT NULL, group_id TEXT NOT NULL, permission TEXT NOT NULL,
  PRIMARY KEY (dataset_id, group_id, permission)) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS changesets (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, dataset_id TEXT NOT NULL,
  change_type TEXT NOT NULL, source_params TEXT NOT NULL, format_params TEXT NOT NULL, tags TEXT,
  status TEXT NOT NULL, error_category TEXT, error_message TEXT, row_count INTEGER,
  active_from INTEGER, active_until INTEGER, updates_id TEXT, updated_by_id TEXT,
  created INTEGER NOT NULL, created_by TEXT NOT NULL, progress TEXT,
  columns TEXT, files TEXT, -- in the store; NULL before
  attempts INTEGER NOT NULL DEFAULT 0,
  worker TEXT, lease_until INTEGER NOT NULL DEFAULT 0, fence INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS changesets_by_dataset ON changesets (dataset_id, seq);
CREATE INDEX IF NOT EXISTS changesets_at_work ON changesets (status, seq);
CREATE INDEX IF NOT EXISTS changesets_by_state ON changesets (dataset_id, status, seq);
CREATE INDEX IF NOT EXISTS changesets_unread ON changesets (status, seq) -- empty but after an update: asked all the time
  WHERE status = 'SUCCESS' AND columns IS NULL AND progress IS NULL;
CREATE TABLE IF NOT EXISTS data_views (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, dataset_id TEXT NOT NULL,
  auto_update INTEGER NOT NULL, sort_columns TEXT NOT NULL, partition_columns TEXT NOT NULL,
  as_of INTEGER, destination TEXT NOT NULL, status TEXT NOT NULL,
  error_category TEXT, error_message TEXT, created INTEGER NOT NULL, modified INTEGER NOT NULL,
  created_by TEXT NOT NULL, generation TEXT, prefix TEXT, columns TEXT, partitions TEXT,
  attempts INTEGER NOT NULL DEFAULT 0,
  worker TEXT, lease_until INTEGER NOT NULL DEFAULT 0, fence INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS data_views_by_dataset ON data_views (dataset_id, seq);
CREATE INDEX IF NOT EXISTS data_views_at_work ON data_views (status, seq);

CREATE TABLE IF NOT EXISTS duties (name TEXT PRIMARY KEY, due INTEGER NOT NULL) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS token_answers (
  principal TEXT NOT NULL, operation TEXT NOT NULL, token TEXT NOT NULL, digest TEXT NOT NULL,
  sealed BLOB NOT NULL, created INTEGER NOT NULL, PRIMARY KEY (principal, operation, token)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS token_answers_by_age ON token_answers (created);
]]

--- What objects hold and are called, where the service keeps the bytes itself.
schema.BYTES = [[
CREATE TABLE IF NOT EXISTS changeset_sources (
  changeset_id TEXT NOT NULL, position INTEGER NOT NULL, key TEXT NOT NULL, content_id TEXT NOT NULL,
  partition TEXT, PRIMARY KEY (changeset_id, position)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS changeset_sources_by_content ON changeset_sources (content_id);

CREATE TABLE IF NOT EXISTS unnamed_places ( -- in a store: written, or given up, and named by nothing
  place TEXT PRIMARY KEY, since INTEGER NOT NULL, is_swept INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS unnamed_places_by_age ON unnamed_places (since);

CREATE TABLE IF NOT EXISTS buckets (
  name TEXT PRIMARY KEY, created_by TEXT NOT NULL, created INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS bucket_cors (
  bucket TEXT PRIMARY KEY, rules TEXT NOT NULL) WITHOUT ROWID; -- which pages of others browsers let call it
CREATE TABLE IF NOT EXISTS contents (
  id TEXT PRIMARY KEY, size INTEGER NOT NULL, etag TEXT NOT NULL, segments TEXT NOT NULL,
  checksums TEXT, -- {name, value, type} of the whole
  parts TEXT -- [{size, checksum}] of an upload in parts
  ) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS small_segments (
  number INTEGER PRIMARY KEY AUTOINCREMENT, -- never used again: a slow reader may still hold it
  bytes BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS objects (
  bucket TEXT NOT NULL, key TEXT NOT NULL, content_id TEXT NOT NULL, modified INTEGER NOT NULL,
  content_type TEXT, metadata TEXT,
  headers TEXT, -- those that are given back, by lower-case name
  PRIMARY KEY (bucket, key)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS objects_by_content ON objects (content_id);
CREATE TABLE IF NOT EXISTS uploads (
  id TEXT PRIMARY KEY, bucket TEXT NOT NULL, key TEXT NOT NULL, content_type TEXT, metadata TEXT,
  headers TEXT, checksum_name TEXT, checksum_type TEXT,
  initiated INTEGER NOT NULL, created_by TEXT NOT NULL,
  part_size INTEGER -- from one part's place in the upload's file to the next one's
  ) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS uploads_by_key ON uploads (bucket, key, id);
CREATE TABLE IF NOT EXISTS parts (
  upload_id TEXT NOT NULL, number INTEGER NOT NULL, segment TEXT NOT NULL, size INTEGER NOT NULL,
  etag TEXT NOT NULL, modified INTEGER NOT NULL,
  checksum TEXT, -- {name, value}
  place INTEGER, -- in the file of the upload, for a part that lies there: its first byte
  PRIMARY KEY (upload_id, number)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS completed_uploads (
  id TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, result TEXT NOT NULL, completed INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS completed_uploads_by_age ON completed_uploads (completed);
]]

return schema
