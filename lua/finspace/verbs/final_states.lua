--- The states in which something stays: which of them are good and which are bad. Every other state,
--- STOP_REQUESTED among them, is on its way.
return {
  changeset = { success = { SUCCESS = true }, failure = { FAILED = true } },
  data_view = {
    success = { SUCCESS = true },
    failure = { FAILED = true, CANCELLED = true, TIMEOUT = true, FAILED_CLEANUP_FAILED = true },
  },
  dataset = { success = { SUCCESS = true }, failure = { FAILED = true } },
}
