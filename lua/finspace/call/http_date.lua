--- Dates as HTTP writes them, without the operating system's time zone.
local http_date = {}

local MONTHS =
  { Jan = 1, Feb = 2, Mar = 3, Apr = 4, May = 5, Jun = 6, Jul = 7, Aug = 8, Sep = 9, Oct = 10, Nov = 11, Dec = 12 }

-- Days since 1970-01-01 of a date in the Gregorian calendar. Years are counted from March, so that
-- the leap day is a year's last day and the months' lengths follow one linear rule.
local function days_since_epoch(year, month, day)
  if month <= 2 then
    year, month = year - 1, month + 12
  end
  local days_before_month = math.floor((153 * (month - 3) + 2) / 5)
  local leap_days = math.floor(year / 4) - math.floor(year / 100) + math.floor(year / 400)
  return 365 * year + leap_days + days_before_month + day - 719469
end

--- Epoch seconds of a UTC date and time.
--- @return integer
function http_date.epoch(year, month, day, hour, minute, second)
  return days_since_epoch(year, month, day) * 86400 + hour * 3600 + minute * 60 + second
end

--- Epoch seconds of a `Date` header (`Tue, 15 Nov 1994 08:12:31 GMT`), or nil when it is none.
--- @param text string|nil
--- @return integer|nil
function http_date.parse_http_date(text)
  local day, name, year, hour, minute, second =
    tostring(text):match("^%a+, (%d%d) (%a%a%a) (%d%d%d%d) (%d%d):(%d%d):(%d%d) GMT$")
  local month = MONTHS[name]
  if not month then return nil end
  local function whole(digits) return math.floor(tonumber(digits)) end
  return http_date.epoch(whole(year), month, whole(day), whole(hour), whole(minute), whole(second))
end

return http_date
