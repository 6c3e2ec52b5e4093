local support = require("spec.support")
local sys = require("finspace.sys")

describe("sys", function()
  local folder

  before_each(function() folder = support.temporary_folder() end)
  after_each(function() support.remove_folder(folder) end)

  describe("time", function()
    it("is that of the system, with fractions", function()
      local before, now, after = os.time(), sys.now(), os.time()
      assert.is_true(before <= now and now < after + 1)
      local a, b = sys.monotonic(), sys.monotonic()
      assert.is_true(b >= a)
    end)

    it("passes while it sleeps, never less than was asked", function()
      for _, seconds in ipairs { 0.02, 0, -1 } do
        local before = sys.monotonic()
        sys.sleep(seconds)
        local took = sys.monotonic() - before
        assert.is_true(took >= seconds)
      end
    end)

    it("passes while it sleeps, whatever signals come #once", function()
      sys.catch_interrupts()
      local pid = assert(sys.start { argv = { "sh", "-c", "sleep 0.05; kill -INT " .. sys.pid() } })
      local before = sys.monotonic()
      sys.sleep(0.2)
      assert.is_true(sys.monotonic() - before >= 0.2)
      assert.equal(2, sys.interrupted())
      sys.wait(pid, 60)
    end)
  end)

  describe("chance", function()
    it("gives as many bytes as asked, never the same", function()
      assert.equal("", sys.random_bytes(0))
      assert.equal(33, #sys.random_bytes(33))
      assert.not_equal(sys.random_bytes(16), sys.random_bytes(16))
    end)

    it("gives version 4 identifiers, never the same", function()
      local seen = {}
      for _ = 1, 1000 do
        local uuid = sys.uuid()
        assert.truthy(uuid:find("^%x%x%x%x%x%x%x%x%-%x%x%x%x%-4%x%x%x%-[89ab]%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x$"), uuid)
        assert.is_nil(seen[uuid])
        seen[uuid] = true
      end
    end)
  end)

  describe("files", function()
    it("are described: type, size, time, mode, owner", function()
      local path = support.write_file(folder .. "/file", "12345")
      assert.is_true(sys.chmod(path, tonumber("640", 8)))
      local stat = assert(sys.stat(path))
      assert.same({ "file", 5, tonumber("640", 8) }, { stat.type, stat.size, stat.mode })
      assert.is_true(math.abs(stat.mtime - sys.now()) < 10)
      assert.equal("number", type(stat.inode + stat.device + stat.uid))
      assert.equal("directory", sys.stat(folder).type)
      assert.equal("device", sys.stat("/dev/null").type)
    end)

    it("behind a link are described, or the link itself", function()
      support.write_file(folder .. "/file", "x")
      support.run("ln -s file " .. folder .. "/link")
      assert.equal("file", sys.stat(folder .. "/link").type)
      assert.equal("link", sys.lstat(folder .. "/link").type)
      assert.equal(sys.realpath(folder .. "/file"), sys.realpath(folder .. "/link"))
    end)

    it("that are absent are nil, with the path in words and a code for programs", function()
      for _, look in ipairs { sys.stat, sys.lstat, sys.list, sys.remove, sys.realpath } do
        local result, message, code = look(folder .. "/absent")
        assert.is_nil(result)
        assert.truthy(message:find(folder .. "/absent", 1, true))
        assert.equal("ENOENT", code)
      end
    end)

    it("are listed, renamed and removed, folders too", function()
      assert.is_true(sys.mkdir(folder .. "/inner"))
      assert.equal(tonumber("700", 8), sys.stat(folder .. "/inner").mode)
      support.write_file(folder .. "/a", "")
      assert.is_true(sys.rename(folder .. "/a", folder .. "/b"))
      local names = assert(sys.list(folder))
      table.sort(names)
      assert.same({ "b", "inner" }, names)
      assert.is_true(sys.remove(folder .. "/inner"))
      assert.is_true(sys.remove(folder .. "/b"))
      assert.same({}, sys.list(folder))
      assert.same({ nil, "EEXIST" }, { nil, select(3, sys.mkdir(folder)) })
    end)

    it("never have a NUL in their name, which the system would read as its end", function()
      for _, take in ipairs { sys.stat, sys.list, sys.mkdir, sys.remove, sys.lock } do
        assert.has_error(function() take(folder .. "/a\0b") end)
      end
      assert.has_error(function() sys.write_private(folder .. "/a\0b", "") end)
      assert.has_error(function() sys.read_limited(folder .. "/a\0b", 1) end)
    end)

    it("of a new temporary folder are private", function()
      local path = assert(sys.mkdtemp(folder .. "/work-"))
      assert.truthy(path:find("^" .. folder:gsub("%p", "%%%0") .. "/work%-%w+$"))
      assert.equal(tonumber("700", 8), sys.stat(path).mode)
    end)
  end)

  describe("a private file", function()
    it("is readable by its owner alone, and holds every byte", function()
      local path = folder .. "/secret"
      for _, content in ipairs { "", "key", ("\0\255\n"):rep(100000) } do
        assert.is_true(sys.write_private(path, content))
        assert.equal(tonumber("600", 8), sys.stat(path).mode)
        assert.equal(content, sys.read_limited(path, 1000000))
      end
      assert.same({ "secret" }, sys.list(folder))
    end)

    it("takes the place of a link, and leaves what the link led to alone", function()
      local target = support.write_file(folder .. "/target", "theirs")
      support.run("ln -s target " .. folder .. "/secret")
      assert.is_true(sys.write_private(folder .. "/secret", "ours"))
      assert.equal("theirs", support.read_file(target))
      assert.equal("file", sys.lstat(folder .. "/secret").type)
    end)

    it("that cannot be written leaves nothing behind", function()
      assert.is_true(sys.mkdir(folder .. "/taken"))
      support.write_file(folder .. "/taken/file", "")
      local done, message, code = sys.write_private(folder .. "/taken", "x")
      assert.is_nil(done)
      assert.truthy(message:find("cannot write", 1, true))
      assert.equal("EISDIR", code)
      assert.same({ "taken" }, sys.list(folder))
    end)
  end)

  describe("reading with a limit", function()
    it("gives a file that is no larger, and refuses one that is", function()
      local path = support.write_file(folder .. "/file", "12345")
      assert.equal("12345", sys.read_limited(path, 5))
      assert.equal("EFBIG", select(3, sys.read_limited(path, 4)))
      assert.equal("", sys.read_limited(support.write_file(folder .. "/empty", ""), 0))
    end)

    it("stays small when the file is not #once", function()
      support.run("truncate -s 1G " .. folder .. "/huge")
      collectgarbage()
      local before = collectgarbage("count")
      assert.equal("EFBIG", select(3, sys.read_limited(folder .. "/huge", 65536)))
      assert.is_true(collectgarbage("count") - before < 200)
    end)

    it("refuses at once what is no regular file", function()
      support.run(("cd %s && mkfifo fifo && ln -s loop loop && mkdir inner"):format(folder))
      local function refused(name, code)
        local content, message, why = sys.read_limited(name, 100)
        assert.is_nil(content)
        assert.truthy(message:find(name, 1, true))
        assert.equal(code, why)
      end
      refused(folder .. "/fifo", "EINVAL")
      refused("/dev/zero", "EINVAL")
      refused(folder .. "/loop", "ELOOP")
      refused(folder .. "/inner", "EISDIR")
      refused(folder .. "/absent", "ENOENT")
    end)
  end)

  describe("a lock", function()
    it("is held by one at a time, and given back when it is closed", function()
      local path = folder .. "/lock"
      local lock = assert(sys.lock(path))
      assert.same({ "EAGAIN" }, { select(3, sys.lock(path)) })
      lock:close()
      lock:close()
      assert(sys.lock(path)):close()
    end)

    it("is given back when its owner is collected, or dies", function()
      local path = folder .. "/lock"
      assert(sys.lock(path))
      collectgarbage()
      collectgarbage()
      local hold = ("local lock = require('finspace.sys').lock(%q) print(lock and 'held')"):format(path)
      local result = assert(sys.spawn { argv = { support.interpreter(), "-e", hold } })
      assert.truthy(result.stdout:find("held", 1, true))
      assert(sys.lock(path)):close()
    end)
  end)

  describe("a program", function()
    local function run(script, more)
      local given = { argv = { "sh", "-c", script } }
      for name, value in pairs(more or {}) do
        given[name] = value
      end
      return sys.spawn(given)
    end

    -- Whether the process ends whose pid a program writes into this file.
    local function ends(file)
      local function is_gone()
        local pid = (support.read_file(file) or ""):match("^(%d+)\n")
        local state = pid and support.read_file("/proc/" .. pid .. "/stat")
        return pid and (not state or state == "" or state:find(") Z", 1, true))
      end
      for _ = 1, 6000 do
        if is_gone() then return true end
        sys.sleep(0.01)
      end
    end

    it("is run to its end, with its status and both outputs apart", function()
      assert.same({ status = 3, stdout = "out\n", stderr = "err\n" }, run("echo out; echo err >&2; exit 3"))
      assert.same({ signal = 9, stdout = "", stderr = "" }, run("kill -9 $$"))
    end)

    it("is given its arguments as they are, since there is no shell", function()
      local words = { "printf", "%s|", "a b", "; touch " .. folder .. "/evil", "$HOME", "*", "", "'\"" }
      local result = assert(sys.spawn { argv = words })
      assert.equal(table.concat(words, "|", 3) .. "|", result.stdout)
      assert.same({}, sys.list(folder))
    end)

    it("has the environment that was given, or ours", function()
      assert.equal("A=1\n", assert(sys.spawn { argv = { "env" }, env = { A = "1" } }).stdout)
      assert.truthy(assert(sys.spawn { argv = { "env" } }).stdout:find("PATH=", 1, true))
    end)

    it("reads what it is given, however much", function()
      local text = ("0123456789"):rep(50000)
      assert.equal(text, run("cat", { stdin = text }).stdout)
      assert.equal("", run("cat").stdout)
    end)

    it("that does not read what it is given ends as it likes, and does not end us", function()
      for _ = 1, 10 do
        assert.equal(0, run("exec true", { stdin = ("x"):rep(500000) }).status)
      end
    end)

    it("that takes too long is ended, with all that it started", function()
      local before, timeout = sys.monotonic(), 0.2
      local result, message, code
      repeat -- until it was given the time to start anything
        result, message, code = run("sleep 99 & echo $! > " .. folder .. "/pid; wait", { timeout = timeout })
        timeout = timeout * 2
      until (support.read_file(folder .. "/pid") or ""):find("\n")
      assert.is_nil(result)
      assert.truthy(message:find("too long", 1, true))
      assert.equal("ETIMEDOUT", code)
      assert.is_true(sys.monotonic() - before < 90) -- and not the program's own 99 s
      assert.is_true(ends(folder .. "/pid"))
    end)

    it("that closes its outputs and lives on is ended, too", function()
      local _, _, code = run("exec >&- 2>&-; sleep 99", { timeout = 0.2 })
      assert.equal("ETIMEDOUT", code)
    end)

    it("that writes too much is ended", function()
      for _, script in ipairs { "yes", "yes >&2" } do
        local result, message, code = run(script, { max_output = 1000 })
        assert.is_nil(result)
        assert.truthy(message:find("wrote more", 1, true))
        assert.equal("EFBIG", code)
      end
      assert.equal(1000, #run("head -c 1000 /dev/zero", { max_output = 1000 }).stdout)
    end)

    it("that is not there is an error that names it", function()
      local result, message, code = sys.spawn { argv = { "no-such-program-here" } }
      assert.is_nil(result)
      assert.truthy(message:find("no-such-program-here", 1, true))
      assert.equal("ENOENT", code)
    end)

    it("inherits no descriptor but its three", function()
      local file = assert(io.open(folder .. "/open", "w"))
      local listed = assert(sys.spawn { argv = { "ls", "/proc/self/fd" } }).stdout
      file:close()
      assert.equal("0\n1\n2\n3\n", listed) -- 3 is the folder that ls itself reads
    end)

    it("has default signals, whatever ours are", function()
      local mask = run("grep -E 'SigBlk|SigIgn' /proc/self/status").stdout
      -- Signals 32 and 33, the highest bits here, belong to the C library, which hides them.
      assert.truthy(mask:find("^SigBlk:\t0+\nSigIgn:\t0*1?[08]0000000\n$"), mask)
    end)

    it("leaves neither zombie nor descriptor, 200 times, however it ends", function()
      run("true")
      local before = #sys.list("/proc/self/fd")
      for i = 1, 40 do
        run("true")
        run("yes", { max_output = 10 })
        run("cat", { stdin = tostring(i) })
        sys.spawn { argv = { "no-such-program-here" } }
        if i % 10 == 0 then run("sleep 9", { timeout = 0.01 }) end
      end
      assert.equal(before, #sys.list("/proc/self/fd"))
      local children = support.read_file(("/proc/self/task/%d/children"):format(sys.pid()))
      assert.equal("", children or "")
    end)

    it("may run while we do other things, and tells when it is asked", function()
      local child = assert(sys.launch { argv = { "sh", "-c", "read line; echo $line" }, stdin = "came through\n" })
      local result, _, code
      repeat
        result, _, code = child:result()
        sys.sleep(0.001)
      until code ~= "EAGAIN"
      assert.same({ status = 0, stdout = "came through\n", stderr = "" }, result)
      assert.equal("ECHILD", select(3, child:result()))
      assert.equal("ENOENT", select(3, sys.launch { argv = { "no-such-program-here" } }))
    end)

    it("is over when it has ended, though something that it started holds its outputs", function()
      local script = "printf %100000s x; echo last >&2; (trap '' HUP; exec sleep 99) & echo $! > " .. folder .. "/held"
      local argv = { "sh", "-c", script }
      local result = assert(sys.spawn { argv = argv, timeout = 60 })
      assert.same({ 0, 100000, "last\n" }, { result.status, #result.stdout, result.stderr })
      support.run("kill " .. support.read_file(folder .. "/held"))
      local child = assert(sys.launch { argv = argv, timeout = 60 })
      local running
      repeat
        result = { child:result() }
        running = result[3] == "EAGAIN"
        sys.sleep(0.001)
      until not running
      assert.equal(100000, #result[1].stdout)
      support.run("kill " .. support.read_file(folder .. "/held"))
    end)

    it("that is let go of is ended, with all that it started", function()
      local function let_go(file, close)
        local child = assert(sys.launch { argv = { "sh", "-c", "sleep 99 & echo $! > " .. file .. "; wait" } })
        while (support.read_file(file) or "") == "" do
          sys.sleep(0.001)
        end
        if close then child:close() end
      end
      for _, close in ipairs { true, false } do
        local file = folder .. "/" .. tostring(close)
        let_go(file, close)
        collectgarbage()
        assert.is_true(ends(file))
      end
    end)

    it("tells how it ended even where the host does not want to know of its children", function()
      local script = "print(require('finspace.sys').spawn({ argv = { 'sh', '-c', 'exit 3' } }).status)"
      local output = support.run(("(trap '' CHLD; exec %s -e %s)"):format(support.interpreter(), support.quote(script)))
      assert.equal("3\n", output)
    end)

    it("may run in the background: started, waited for, and signalled", function()
      local output = folder .. "/output"
      local argv = { "sh", "-c", "echo out; echo err >&2; sleep 99" }
      local pid = assert(sys.start { argv = argv, stdout = output, stderr = output })
      repeat -- until it has said all
        assert.equal("ETIMEDOUT", select(3, sys.wait(pid, 0.01)))
      until (support.read_file(output) or ""):find("err", 1, true)
      assert.is_true(sys.kill(-pid))
      assert.same({ signal = 15 }, sys.wait(pid, 60))
      assert.equal("out\nerr\n", support.read_file(output))
      assert.equal("ECHILD", select(3, sys.wait(pid, 0)))
      assert.equal("ENOENT", select(3, sys.start { argv = { "no-such-program-here" } }))
      assert.has_error(function() sys.kill(-1) end)
      assert.has_error(function() sys.kill(0) end)
    end)

    it("takes our place by exec, or says why not", function()
      local script = "print(require('finspace.sys').exec { 'echo', 'in our place' })"
      assert.equal("in our place\n", assert(sys.spawn { argv = { support.interpreter(), "-e", script } }).stdout)
      assert.equal("ENOENT", select(3, sys.exec { "no-such-program-here" }))
    end)

    it("is refused where the caller's code is wrong, in words that name the field", function()
      assert.has_error(function() sys.spawn {} end, "'argv' must be a list of strings that begins with the program")
      assert.has_error(function() sys.spawn { argv = { "a", 1 } } end, "'argv' must be a list of strings without NUL")
      assert.has_error(function() sys.spawn { argv = { "a\0b" } } end, "'argv' must be a list of strings without NUL")
      assert.has_error(function() sys.spawn { argv = { "a" }, env = { A = 1 } } end, "'env' must map names to strings")
      assert.has_error(
        function() sys.spawn { argv = { "a" }, timeout = "x" } end,
        "'timeout' must be a number, not a string"
      )
      assert.has_error(function() sys.spawn { argv = { "a" }, stdin = 1 } end, "'stdin' must be a string, not a number")
    end)
  end)

  it("knows a terminal from a file", function()
    local file = support.write_file(folder .. "/plain", "")
    local script = "local s = require('finspace.sys') print(s.isatty(1), s.terminal_width(1))"
    local pid = assert(sys.start { argv = { support.interpreter(), "-e", script }, stdout = file })
    assert.same({ status = 0 }, sys.wait(pid, 60))
    assert.equal("false\n", support.read_file(file))
  end)

  describe("load_lazily()", function()
    it("says whether there is such a library", function()
      assert.is_true(sys.load_lazily("libm.so.6") or sys.load_lazily("libc.so"))
      assert.is_false(sys.load_lazily("/nowhere/library.so"))
      assert.has_error(function() sys.load_lazily("lib\0.so") end)
    end)

    it("leaves the names of libcurl's own libraries unbound, where the host loads it", function()
      local interpreter = rawget(_G, "jit") and "luajit" or "lua" .. _VERSION:match("%d+%.%d+")
      if interpreter == "lua5.1" then return pending("Lua 5.1 does not tell where it finds a module") end
      local function bound(module)
        local command = ("LD_DEBUG=statistics %s -e 'require(%q)'"):format(interpreter, module)
        return tonumber(support.run(command):match("final number of relocations: (%d+)"))
      end
      local at_once = bound("finspace.http")
      if not at_once then return pending("this loader has no LD_DEBUG=statistics") end
      assert.is_true(bound("finspace.host.http") < at_once)
    end)
  end)

  describe("can_listen()", function()
    it("holds for a port that nobody has", function()
      assert.is_true(sys.can_listen("127.0.0.1", support.free_port()))
      assert.is_true(sys.can_listen("localhost", support.free_port()))
    end)

    it("names a port that a server has, on one address or on all", function()
      local port = support.free_port()
      local server = assert(require("socket").bind("127.0.0.1", port))
      for _, host in ipairs { "127.0.0.1", "0.0.0.0" } do
        local free, message, code = sys.can_listen(host, port)
        assert.is_nil(free)
        assert.equal("EADDRINUSE", code)
        assert.truthy(message:find(("cannot listen on %s port %d: "):format(host, port), 1, true))
      end
      server:close()
    end)

    it("names an address that this machine does not have, and a name that nobody has", function()
      for _, host in ipairs { "192.0.2.1", "999.1.1.1", "nobody.invalid" } do
        assert.equal("EADDRNOTAVAIL", (select(3, sys.can_listen(host, support.free_port()))))
      end
    end)
  end)

  it("keeps this process's memory out of core files", function()
    local script = "require('finspace.sys').no_core_dumps() os.execute('ulimit -c')"
    assert.equal("0\n", assert(sys.spawn { argv = { support.interpreter(), "-e", script } }).stdout)
  end)
end)
