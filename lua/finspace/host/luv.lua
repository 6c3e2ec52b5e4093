--- The engine of tasks in a libuv loop, as Neovim has one: libcurl's many calls stand behind one descriptor,
--- which the loop polls, so that the editor goes on while they wait.
local luv = {}

-- How often a step is taken while another one waits.
local BESIDE_MS = 10

local function milliseconds(seconds) return math.ceil(math.min(seconds, 1e6) * 1000) end

-- Neovim's API may only be used from its main loop, which vim.schedule leads to.
local function deferrer()
  local vim = rawget(_G, "vim")
  return vim and vim.schedule or function(action) action() end
end

local function default_uv()
  local vim = rawget(_G, "vim")
  return vim and (vim.uv or vim.loop) or require("luv")
end

--- Lets a libuv loop drive the tasks. The descriptor and the timer are active only while a task is alive
--- or a call is under way, so that an idle client does not keep `uv.run` from ending.
--- @param loop finspace.Loop
--- @param uv? table      default: Neovim's, or the module luv
--- @return finspace.Loop
function luv.attach(loop, uv)
  uv = uv or default_uv()
  local defer = deferrer()
  local poll, timer = uv.new_poll(loop:fd()), uv.new_timer()
  local due = false -- a step is on its way
  local depth = 0 -- steps that are being taken, one within the other
  local request_step

  local function watch()
    if not loop:busy() then return end
    poll:start("r", request_step)
    local pause = loop:timeout()
    if pause then timer:start(milliseconds(pause), 0, request_step) end
  end

  -- A task's callback may wait itself (vim.wait, :checkhealth): meanwhile others must be able to step.
  local function keep_stepping()
    poll:start("r", request_step)
    timer:start(BESIDE_MS, BESIDE_MS, request_step)
  end

  local function step()
    due, depth = false, depth + 1
    keep_stepping()
    local ok, raised = pcall(loop.step, loop)
    depth = depth - 1
    if depth == 0 then
      poll:stop()
      timer:stop()
      watch()
    else
      keep_stepping()
    end
    if not ok then error(tostring(raised), 0) end -- luv and Neovim print strings only
  end

  -- libuv would call again and again until the step has emptied the descriptor.
  function request_step()
    if due then return end
    due = true
    poll:stop()
    timer:stop()
    defer(step)
  end

  --- Work appeared from outside of a step.
  function loop.on_ready()
    if not due then timer:start(0, 0, request_step) end
  end

  --- Gives the loop's handles back.
  function loop.detach()
    loop.on_ready = nil
    for _, handle in ipairs { poll, timer } do
      if not handle:is_closing() then handle:close() end
    end
  end
  return loop
end

return luv
