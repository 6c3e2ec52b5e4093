--- Files that are alike are read by one statement: this puts them together, in their order.

local alike = {}

--- @param most integer files in a group
--- @param files fun(): table|nil, string|nil the next file, and what those that go with it have in common
--- @param work fun(group: table[]) called with the files of each group
function alike.each_group(most, files, work)
  local group, shared = {}, nil
  for file, key in files do
    if #group > 0 and (shared ~= key or #group >= most) then
      work(group)
      group = {}
    end
    group[#group + 1], shared = file, key
  end
  if #group > 0 then work(group) end
end

return alike
