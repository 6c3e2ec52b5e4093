local initialisers = require("spec.support.initialisers")

local function names_in(source)
  local names = {}
  for _, fault in ipairs(initialisers.find(source)) do
    names[#names + 1] = fault.name
  end
  return table.concat(names, " ")
end

describe("The check of C initialisers #once", function()
  it("refuses one that hands out a part of the object", function()
    assert.equal("s", names_in("slice s = {.ptr = luaL_optlstring(L, 3, NULL, &s.len)};"))
    assert.equal("s", names_in("slice s = {\n  .ptr = f(\n &s.len)};"))
    assert.equal("s", names_in("const slice s = {f(&s.len), 0};"))
  end)

  it("refuses one that hands out all of it, as an address or as an array", function()
    assert.equal("s", names_in("slice s = {.ptr = f(&s)};"))
    assert.equal("text", names_in("char text[4] = {fill(text)};"))
    assert.equal("s", names_in("slice s = slice_of(f(&s.len), s.len);"))
  end)

  it("refuses the second of two objects, and a compound literal that is assigned", function()
    assert.equal("b", names_in("slice a = {0}, b = {.ptr = f(&b.len)};"))
    assert.equal("s", names_in("s = (slice){.ptr = f(&s.len)};"))
  end)

  it("tells the line", function() assert.equal(3, initialisers.find("int a;\n\nslice s = {f(&s.len)};")[1].line) end)

  it("lets pass what uses other objects, sizes and members of the same name", function()
    assert.equal("", names_in("sigv4_signature out = {.authorization = &authorization};"))
    assert.equal("", names_in("job *j = calloc(1, sizeof *j); job *k = malloc(sizeof(*k));"))
    assert.equal("", names_in("slice body = request->body; slice path = {.path = x.path};"))
    assert.equal("", names_in("s.ptr = f(&s.len); count = count + 1; if (a == b) a = f(&a);"))
    assert.equal("", names_in('/* s = {f(&s)} */ const char *s = "s = {&s}";'))
  end)

  it("finds nothing in the sources", function()
    local paths = {}
    for path in assert(io.popen("ls " .. os.getenv("FINSPACE_ROOT") .. "/src/*.[ch]")):lines() do
      paths[#paths + 1] = path
    end
    assert.is_true(#paths > 40)
    assert.equal(0, initialisers.report(paths))
  end)
end)
