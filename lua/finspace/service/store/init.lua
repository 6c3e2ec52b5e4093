--- Where bytes lie: what changesets are made from, the Parquet that they become, and the files of views. A folder of this
--- machine, or an S3-compatible store that many machines share.
---
--- A store belongs to a process and has its `state`. What is written becomes visible with the database's transaction that
--- names it: `keep_…` writes and is called outside of one, `publish_…` is called within it, `forget_…` after it.
---
---     find(bucket, key)              the object of that key, or nil
---     below(bucket, folder)          all objects below a folder, in the order of their keys
---     held(changeset_id)             the sources that an earlier try of the changeset holds
---     hold(changeset_id, objects)    holds them, as they are now, until the changeset's end
---     open(job, source)              the bytes of a source: next_piece, and where it is one file: its path, is_copy
---     keep_changeset(job, row, files, summary)   gives what lies in job.target its place; returns what publish wants
---     publish_changeset(row, kept)   names it
---     changeset_paths(job, changeset)  its Parquet files, as paths that the engine can open
---     view_prefix(row, generation)   the longest prefix that the keys of a view's build may have
---     keep_view(job, row, generation, files)     gives a build its place; returns what publish wants
---     publish_view(row, kept, publish)           names it and calls publish(prefix), in one transaction
---     forget_views(row, prefix, generation, pause)   takes away all builds of a view but one
---     sweep()                        takes away what no transaction named; nothing is at work in this process meanwhile
local store = {}

--- @param state table {db=, settings=}
--- @return table store
function store.open(state) return require("finspace.service.store.folder").open(state) end

return store
