--- Certificates for specs, made with the openssl command: an authority, and whatever it signs.
local support = require("spec.support")

local certificates = {}

local CONFIGURATION = [[
[ca]
default_ca = default
[default]
dir = %s
new_certs_dir = %s
database = %s/index.txt
rand_serial = yes
default_md = sha256
policy = any
copy_extensions = copy
unique_subject = no
x509_extensions = leaf
[any]
commonName = supplied
[leaf]
basicConstraints = CA:false
[authority]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign, cRLSign
]]

local NEW_KEY = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"

local function openssl(folder, command)
  local output, status = support.run(("cd %s && openssl %s"):format(support.quote(folder), command))
  assert(status == 0, output)
end

--- Makes a new authority in a folder of its own below `folder`.
--- @param folder string
--- @param name string
--- @return table authority { file = its certificate; issue = function }
function certificates.authority(folder, name)
  local home = folder .. "/" .. name
  assert(require("finspace.sys").mkdir(home, 493))
  support.write_file(home .. "/openssl.cnf", CONFIGURATION:format(home, home, home))
  support.write_file(home .. "/index.txt", "")
  openssl(
    home,
    ("req -x509 %s -config openssl.cnf -extensions authority -subj '/CN=%s' -keyout ca.key -out ca.pem"):format(
      NEW_KEY,
      name
    )
  )
  local authority = { file = home .. "/ca.pem", key = home .. "/ca.key" }

  --- Signs a certificate for these names.
  --- @param leaf string  the files' name
  --- @param names string as in a certificate: "DNS:localhost,IP:127.0.0.1"
  --- @param options table|nil common_name (default: `leaf`), from, to (YYYYMMDDHHMMSSZ), extensions ("authority" for an intermediate one)
  --- @return table files { certificate, key }
  function authority.issue(leaf, names, options)
    options = options or {}
    local alternatives = names and ("-addext 'subjectAltName=%s'"):format(names) or ""
    openssl(
      home,
      ("req %s -config openssl.cnf -subj '/CN=%s' %s -keyout %s.key -out %s.csr"):format(
        NEW_KEY,
        options.common_name or leaf,
        alternatives,
        leaf,
        leaf
      )
    )
    openssl(
      home,
      (
        "ca -batch -notext -config openssl.cnf -extensions %s -startdate %s -enddate %s "
        .. "-keyfile %s -cert %s -in %s.csr -out %s.pem"
      ):format(
        options.extensions or "leaf",
        options.from or "20200101000000Z",
        options.to or "20490101000000Z",
        options.signer and options.signer.key or "ca.key",
        options.signer and options.signer.certificate or "ca.pem",
        leaf,
        leaf
      )
    )
    return { certificate = home .. "/" .. leaf .. ".pem", key = home .. "/" .. leaf .. ".key" }
  end

  return authority
end

--- A certificate that nobody but itself vouches for.
--- @return table files { certificate, key }
function certificates.self_signed(folder, names)
  openssl(
    folder,
    ("req -x509 %s -subj '/CN=self' -addext 'subjectAltName=%s' -keyout self.key -out self.pem"):format(NEW_KEY, names)
  )
  return { certificate = folder .. "/self.pem", key = folder .. "/self.key" }
end

return certificates
