local clock = require("finspace.call.http_date")

describe("a Date header", function()
  it("is read as epoch seconds, over leap years and centuries", function()
    for text, seconds in pairs {
      ["Thu, 01 Jan 1970 00:00:00 GMT"] = 0,
      ["Tue, 15 Nov 1994 08:12:31 GMT"] = 784887151,
      ["Tue, 29 Feb 2000 12:00:00 GMT"] = 951825600,
      ["Mon, 29 Feb 2016 23:59:59 GMT"] = 1456790399,
      ["Tue, 19 Jan 2038 03:14:08 GMT"] = 2147483648,
      ["Mon, 01 Mar 2100 00:00:00 GMT"] = 4107542400,
    } do
      assert.equal(seconds, clock.parse_http_date(text), text)
    end
  end)

  it("agrees with the system's calendar every day of four centuries", function()
    for day = 0, 146097, 61 do
      local seconds = day * 86400 + 3661
      local text = os.date("!%a, %d %b %Y %H:%M:%S GMT", seconds)
      assert.equal(seconds, clock.parse_http_date(text), text)
    end
  end)

  it("is nothing when it is written in another way", function()
    for _, text in ipairs {
      "",
      "now",
      "Tue, 15 Foo 1994 08:12:31 GMT",
      "Tue, 15 Nov 1994 08:12:31 CET",
      "Sunday, 06-Nov-94 08:49:37 GMT",
      "Sun Nov  6 08:49:37 1994",
    } do
      assert.is_nil(clock.parse_http_date(text))
    end
    assert.is_nil(clock.parse_http_date(nil))
  end)
end)
