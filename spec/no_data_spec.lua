local no_data = require("finspace.formats.no_data")

describe("a file that is no data", function()
  it("is told by its name, or by one of the folders that it lies in", function()
    for _, name in ipairs {
      "_SUCCESS",
      "_metadata",
      "_common_metadata",
      "_temporary/0/task/part-0000.csv",
      "_delta_log/00000000000000000000.json",
      "_committed_123",
      "_started_123",
      ".part-0000.csv.crc",
      "part-0000.csv.crc",
      ".DS_Store",
      "x_$folder$",
      "dt=2020_$folder$",
      "a/b/_SUCCESS",
      "__MACOSX/part-0000.csv",
      ".hidden/part-0000.csv",
      "Thumbs.db",
      "a/desktop.ini",
    } do
      assert.is_string(no_data.why(name, 10), name)
    end
  end)

  it("is one without a byte", function()
    assert.equal("it is empty", no_data.why("part-0001.csv", 0))
    assert.equal("it is empty", no_data.why("folder/", 0))
  end)

  it("is none of those that hold data", function()
    for _, name in ipairs { "part-0000.csv", "_year=2020/part.csv", "dt=2020/part_0.csv", "a.b/c_d.csv", "crc.csv", "x" } do
      assert.is_nil(no_data.why(name, 10), name)
      assert.is_nil(no_data.why(name), name)
    end
  end)
end)
