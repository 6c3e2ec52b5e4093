--- The one access control list that there is, of a bucket and of an object: private. Clients read it, and copy
--- it to what they have copied.

local bodies = require("finspace.service.s3.bodies")
local object = require("finspace.service.s3.object")
local wire = require("finspace.service.s3.wire")
local xml = require("finspace.service.xml")

local acl = {}

local MOST_GRANTS = 100

local function owner_of(call)
  if call.key then object.find(call) end
  return call.state.db:row("SELECT created_by FROM buckets WHERE name = ?", call.bucket).created_by
end

--- Tells a bucket's list, or an object's.
--- @param call table
function acl.get(call)
  local owner = wire.owner(owner_of(call))
  local grantee = '<Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser">'
    .. xml.elements(owner)
    .. "</Grantee>"
  wire.answer_document("AccessControlPolicy", {
    { "Owner", owner },
    { "AccessControlList", { { "Grant", { grantee, { "Permission", "FULL_CONTROL" } } } } },
  })
end

--- Takes the list that there is already, and no other.
--- @param call table
function acl.put(call)
  local owner, document = owner_of(call), bodies.receive_document(call)
  if document == "" then return wire.answer(200) end -- a header said it, and was judged
  local grants = xml.read(document, "Grant", MOST_GRANTS, 3)
  if not grants then wire.refuse("MalformedXML", "the document is not an AccessControlPolicy") end
  local grant = grants[1] or {}
  if #grants ~= 1 or grant.ID ~= owner or grant.Permission ~= "FULL_CONTROL" then
    wire.refuse("NotImplemented", "buckets and objects here have no other ACL than private")
  end
  wire.answer(200)
end

return acl
