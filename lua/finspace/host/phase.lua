--- nginx's phases in which nothing can wait.
local phase = {}

local CAN_WAIT = {
  rewrite = true,
  server_rewrite = true,
  access = true,
  content = true,
  timer = true,
  ssl_cert = true,
  ssl_client_hello = true,
  ssl_session_fetch = true,
}

local PHASES = "rewrite_by_lua, access_by_lua, content_by_lua, ssl_certificate_by_lua or ngx.timer.at(0, ...)"

--- What a call, a sleep or a task gets that is begun in such a phase.
--- @return table|nil err fields; nil where nginx can wait
function phase.refusal()
  local name = rawget(_G, "ngx").get_phase()
  if CAN_WAIT[name] then return nil end
  return {
    kind = "config",
    code = "PhaseForbidden",
    outcome = "not_sent",
    sent = false,
    message = ("nginx allows no connections in its %s phase; call from %s. Tasks and sleeps cannot wait there either"):format(
      name,
      PHASES
    ),
  }
end

return phase
