// Parquet files as DuckDB for node reads them. node read_parquet.mjs FOLDER, in a folder that has the package; prints JSON:
// {"columns": [[name, type]], "rows": [[text or null]]}. Instants are microseconds, bytes are hexadecimal.
import { createRequire } from 'node:module';

const { DuckDBInstance } = createRequire(process.cwd() + '/package.json')('@duckdb/node-api');

const quoted = (text, quote) => quote + text.replaceAll(quote, quote + quote) + quote;
const table = `read_parquet(${quoted(process.argv[2] + '/**/*.parquet', "'")},
  hive_partitioning = true, hive_types_autocast = false)`;

const TEXT = {
  'TIMESTAMP WITH TIME ZONE': (name) => `epoch_us(${name})`,
  BLOB: (name) => `hex(${name})`,
};
const text = ([name, type]) => `CAST(${(TEXT[type] ?? ((it) => it))(quoted(name, '"'))} AS VARCHAR)`;

const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
const connection = await instance.connect();
const read = async (sql) => (await connection.runAndReadAll(sql)).getRows();
const columns = (await read(`DESCRIBE SELECT * FROM ${table}`)).map(([name, type]) => [name, type]);
const rows = await read(`SELECT ${columns.map(text).join(', ')} FROM ${table}`);
console.log(JSON.stringify({ columns, rows }));
