--- Quantities as people read them.
local text = {}

local UNITS = { "KiB", "MiB", "GiB", "TiB" }

--- `406 KiB`, `1.2 GiB`
--- @param count number bytes; a rate may have a fraction
--- @return string
function text.bytes(count)
  if count < 1024 then return ("%.0f B"):format(count) end
  local unit = 0
  repeat
    count, unit = count / 1024, unit + 1
  until count < 1024 or unit == #UNITS
  return (count < 10 and "%.1f %s" or "%.0f %s"):format(count, UNITS[unit])
end

--- `0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`
--- @param seconds number
--- @return string
function text.duration(seconds)
  if seconds < 10 then return ("%.1f s"):format(seconds) end
  if seconds < 60 then return ("%.0f s"):format(seconds) end
  local minutes = math.floor(seconds / 60)
  if minutes < 60 then return ("%d min %d s"):format(minutes, math.floor(seconds % 60)) end
  return ("%d h %d min"):format(math.floor(minutes / 60), minutes % 60)
end

--- `1 file`, `12 files`
--- @param number integer
--- @param noun string
--- @return string
function text.count(number, noun) return ("%d %s%s"):format(number, noun, number == 1 and "" or "s") end

--- A time of the service, in milliseconds since the epoch, as UTC.
--- @param milliseconds number|nil
--- @return string
function text.time(milliseconds)
  if not milliseconds then return "" end
  return os.date("!%Y-%m-%d %H:%M:%S", math.floor(milliseconds / 1000))
end

return text
