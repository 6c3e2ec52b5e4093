# finspace: `make` builds, `make demo` shows the main job, `make test` proves it, `make help` lists the rest.

CC       ?= cc
CFLAGS   ?= -O3 -g
WARNINGS  = -std=c11 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wvla
# Warnings are errors in `make test` alone: a new compiler must not stop a user's build.
STRICT   ?=
BUILDING  = $(WARNINGS) $(STRICT) $(CFLAGS) -fPIC -fvisibility=hidden -D_FORTIFY_SOURCE=2 -fstack-protector-strong -D_FILE_OFFSET_BITS=64 -MMD -MP
LINKING   = -shared -Wl,-z,relro,-z,now -Wl,--as-needed

# Where things are built; `make asan` builds beside the ordinary objects.
BUILD    ?= build

# The Lua that `make env`, `make bench` and `make install` are for: LUA=luajit, or LUA_VERSION=5.3.
has = $(shell command -v $(1) 2> /dev/null)
version_of = $(or $(shell $(1) -e 'io.write(_VERSION:match("%d+%.%d+"))' 2> /dev/null),$(patsubst lua%,%,$(notdir $(1:luajit=lua5.1))))
interpreter_of = $(or $(notdir $(call has,lua$(1))),$(if $(filter 5.1,$(1)),$(notdir $(call has,luajit))),lua$(1))
LUA_IS_NAMED := $(filter-out undefined,$(origin LUA) $(origin LUA_VERSION))
ifdef LUA_VERSION
LUA ?= $(call interpreter_of,$(LUA_VERSION))
endif
LUA         ?= lua5.4
LUA_VERSION ?= $(call version_of,$(LUA))

# The modules of the core, by layer (see src/README.md).
CORE_PURE = buf utf8 uri json json_read digest digest_sha_ni digest_armv8 model model_patterns model_table sigv4 sigv4_canonical sigv4_verify sigv4_chunked crc typed typed_vectors typed_text lines
CORE_BIND  = lbind lcore lcore_model lcore_prepare lcore_decode lcore_encode lcore_finish lcore_digest lcore_sigv4 lcore_chunked lcore_typed
HTTP_PURE = buf http http_text http_error http_transfer http_request http_answer http_client http_multi http_tls
HTTP_BIND  = lbind lhttp
SYS_PURE  = buf
SYS_BIND   = lbind lsys lsys_files lsys_launch lsys_child lsys_process lsys_signals lsys_net
HASHING_PURE = buf digest digest_sha_ni digest_armv8 hashing
HASHING_BIND  = lbind lhashing

CORE_LIBS = -lbearssl -lm
HASHING_LIBS = -lbearssl -pthread
SYS_LIBS = -ldl
HTTP_LIBS = $(shell pkg-config --libs libcurl) -ldl

# One build against the 5.1 headers serves Lua 5.1, LuaJIT, Neovim and nginx.
include_of = $(shell pkg-config --cflags $(1) 2> /dev/null)
INCLUDE_lua5.4 := $(call include_of,lua5.4)
INCLUDE_lua5.3 := $(call include_of,lua5.3)
INCLUDE_lua5.1 := $(or $(call include_of,lua5.1),$(call include_of,luajit))
ifneq ($(wildcard $(LUA_INCDIR)/lua.h),)
INCLUDE_lua$(LUA_VERSION) := -I$(LUA_INCDIR)
endif
VERSIONS := $(strip $(foreach v,lua5.4 lua5.3 lua5.1,$(if $(INCLUDE_$(v)),$(v))))

MODULES  = core http sys hashing
# The engine of the service's worker that ingests: npm's package, which Debian has not.
DUCKDB   = build/duckdb/libduckdb.so
OBJECTS  = $(foreach v,$(VERSIONS),$(foreach m,$(MODULES),$(BUILD)/$(v)/finspace/$(m).so))
PROGRAM  = $(BUILD)/bin/finspace

# Debian's packages, each named with its reason in README.md; .ci/packages tells what the bars mean.
PACKAGES_BUILD = gcc libc6-dev pkg-config lua5.4 liblua5.4-dev 'libluajit2-5.1-dev|libluajit-5.1-dev' libcurl4-openssl-dev \
                 libbearssl-dev lua-cjson
PACKAGES_RUN   = lua-argparse lua-expat nginx-light libnginx-mod-http-lua libsqlite3-0 'libssl3t64|libssl3' zlib1g ca-certificates
# Either fetches DuckDB's library.
PACKAGES_RUN  += $(if $(wildcard $(DUCKDB))$(call has,npm),,curl)
PACKAGES_TEST  = lua5.3 liblua5.3-dev lua5.1 liblua5.1-0-dev 'luajit2|luajit' luarocks lua-busted lua-check lua-socket lua-luv \
                 lua-cqueues neovim openssl curl git clang 'clang-format-14|' sqlite3 valgrind python3-boto3 python3-cryptography postgresql faketime \
                 nodejs
# What `make demo-cluster` starts beside the service; a store of its own it has.
PACKAGES_CLUSTER = postgresql lua-socket
# Third parties that `make interop` asks: from Debian, and below build/interop from npm and PyPI.
PACKAGES_INTEROP = awscli rclone s3cmd radosgw ceph-mon ceph-osd ceph-common swift-proxy swift-account swift-container \
                   swift-object chromium chromium-driver python3-venv default-jre-headless
NPM_INTEROP      = @20minutes/s3rver@5 @aws-sdk/client-s3 @aws-sdk/lib-storage @aws-sdk/s3-request-presigner aws-sdk minio \
                   @duckdb/node-api
PYPI_INTEROP     = 'moto[server]' boto3 pyarrow pandas awswrangler pyspark duckdb fsspec

# nginx lives where an ordinary user's PATH does not reach on Debian.
export PATH := $(PATH):/usr/local/sbin:/usr/sbin

.PHONY: all demo demo-cluster test duckdb asan fuzz bench bench-instructions layers lint docs install uninstall rock clean env help \
        requirements interop machines packages-demo packages-demo-cluster packages-test packages-interop

all: $(OBJECTS) $(PROGRAM)

help:
	@echo 'make          build for every Lua found: $(VERSIONS)'
	@echo 'make demo     install what is missing, and load real market data into a service on loopback'
	@echo 'make demo-cluster  the same past one machine: PostgreSQL, a store, two nodes, one of them killed'
	@echo 'make test     install what is missing, and run every spec on every Lua, and under sanitizers'
	@echo 'make interop  install clients and servers of others, and run the specs that ask them'
	@echo 'make machines prove it in bare chroots of Debian 12 and 13, and the core on i386, arm64 and musl (as root)'
	@echo 'make duckdb   fetch DuckDB, with which the service ingests, from npm'
	@echo 'make bench    measure against raw libcurl and, where installed, boto3 and the AWS CLI'
	@echo 'make bench-instructions   count the instructions of a call, a signature and a start, step by step (needs valgrind)'
	@echo 'make asan     build with the address and undefined-behaviour sanitizers, and run the specs'
	@echo 'make fuzz     fuzz the parsers for a minute each (needs clang-14)'
	@echo 'make layers   check that no module knows more than its layer allows'
	@echo 'make lint     clang-format, stylua, prettier and luacheck'
	@echo 'make docs     write the reference and the annotations anew from the model'
	@echo 'make install  install below PREFIX (default /usr/local) for LUA_VERSION (default 5.4)'
	@echo 'make uninstall   take it back'
	@echo 'make rock     pack a source rock for LuaRocks'
	@echo 'make clean    remove what was built'

# --- building -----------------------------------------------------------------------------------

# What a build lacks, by the names of its packages.
INTERPRETER_PACKAGE = $(if $(findstring luajit,$(LUA)),'luajit2|luajit',lua$(LUA_VERSION))
HEADERS_PACKAGE = $(if $(findstring luajit,$(LUA)),'libluajit2-5.1-dev|libluajit-5.1-dev',liblua$(LUA_VERSION:5.1=5.1-0)-dev)
IS_FOR_ONE_LUA = $(LUA_IS_NAMED)$(filter install,$(MAKECMDGOALS))
MISSING = $(if $(call has,pkg-config),,pkg-config) \
          $(if $(call has,$(firstword $(CC))),,gcc libc6-dev) \
          $(if $(shell pkg-config --exists libcurl 2> /dev/null && echo yes),,libcurl4-openssl-dev) \
          $(if $(shell echo '\#include <bearssl.h>' | $(CC) $(CFLAGS) -E -x c - > /dev/null 2>&1 && echo yes),,libbearssl-dev) \
          $(if $(IS_FOR_ONE_LUA),$(if $(call has,$(LUA)),,$(INTERPRETER_PACKAGE)) $(if $(INCLUDE_lua$(LUA_VERSION)),,$(HEADERS_PACKAGE))) \
          $(if $(VERSIONS)$(IS_FOR_ONE_LUA),,liblua5.4-dev)

requirements:
	$(if $(filter-out 5.4 5.3 5.1,$(LUA_VERSION)),$(error finspace runs on Lua 5.4, 5.3, 5.1 and LuaJIT, not on $(LUA)))
	@$(if $(strip $(MISSING)),names=$$(.ci/packages --names $(MISSING)); \
	  echo "finspace: cannot build without $$names; as root: apt-get install $$names" >&2; exit 1)

$(BUILD)/obj/%.o: src/%.c | requirements
	@mkdir -p $(@D)
	$(CC) $(BUILDING) -c $< -o $@

define build_version
$(BUILD)/$(1)/obj/%.o: src/%.c | requirements
	@mkdir -p $$(@D)
	$$(CC) $$(BUILDING) $$(INCLUDE_$(1)) -c $$< -o $$@
$(BUILD)/$(1)/finspace/core.so: $$(CORE_PURE:%=$$(BUILD)/obj/%.o) $$(CORE_BIND:%=$$(BUILD)/$(1)/obj/%.o)
	@mkdir -p $$(@D)
	$$(CC) $$(CFLAGS) $$(LINKING) $$^ -o $$@ $$(CORE_LIBS)
$(BUILD)/$(1)/finspace/http.so: $$(HTTP_PURE:%=$$(BUILD)/obj/%.o) $$(HTTP_BIND:%=$$(BUILD)/$(1)/obj/%.o)
	@mkdir -p $$(@D)
	$$(CC) $$(CFLAGS) $$(LINKING) $$^ -o $$@ $$(HTTP_LIBS)
$(BUILD)/$(1)/finspace/sys.so: $$(SYS_PURE:%=$$(BUILD)/obj/%.o) $$(SYS_BIND:%=$$(BUILD)/$(1)/obj/%.o)
	@mkdir -p $$(@D)
	$$(CC) $$(CFLAGS) $$(LINKING) $$^ -o $$@ $$(SYS_LIBS)
$(BUILD)/$(1)/finspace/hashing.so: $$(HASHING_PURE:%=$$(BUILD)/obj/%.o) $$(HASHING_BIND:%=$$(BUILD)/$(1)/obj/%.o)
	@mkdir -p $$(@D)
	$$(CC) $$(CFLAGS) $$(LINKING) $$^ -o $$@ $$(HASHING_LIBS)
endef
$(foreach v,$(VERSIONS),$(eval $(call build_version,$(v))))

.SECONDARY:
-include $(wildcard $(BUILD)/obj/*.d $(BUILD)/*/obj/*.d)

# The program finds its modules from where it stands. $(1): its Lua; $(2): its folder; $(3), $(4): the modules'
# folders, in text and in objects; $(5), $(6): the same from the program's folder, for a tree that was moved.
define PROGRAM_TEXT
#!$(or $(call has,$(1)),/usr/bin/env $(1))
local folder, share, lib = arg[0]:match("^(.*)/") or ".", [[$(3)]], [[$(4)]]
if folder ~= [[$(2)]] then -- it was moved, or is called through a link
  local pipe = io.popen("readlink -f '" .. arg[0]:gsub("'", "'\\''") .. "'")
  folder = pipe:read("*a"):match("^(.*)/") or folder
  pipe:close()
  local beside = io.open(folder .. "/$(5)/finspace/cli.lua")
  if beside then
    beside:close()
    share, lib = folder .. "/$(5)", folder .. "/$(6)"
  end
end
local tree = folder:match("^(.*)/lib/luarocks/") -- LuaRocks moves modules from a rock's folder to its tree
if tree then
  share, lib = tree .. "/share/lua/$(LUA_VERSION)", tree .. "/lib/lua/$(LUA_VERSION)"
end
package.path = share .. "/?.lua;" .. share .. "/?/init.lua;" .. package.path
package.cpath = lib .. "/?.so;" .. package.cpath
require("finspace.cli.bytecode").use(lib .. "/finspace/cli.bytecode")
-- It ends at once, without closing Lua first: between a load's last note and the exit status that
-- tells of it no time is to pass.
os.exit(require("finspace.cli").main(arg))
endef

PROGRAM_VERSION = $(firstword $(VERSIONS))
$(PROGRAM): export TEXT = $(call PROGRAM_TEXT,$(call interpreter_of,$(PROGRAM_VERSION:lua%=%)),$(CURDIR)/$(@D),$(CURDIR)/lua,$(\
  )$(CURDIR)/$(BUILD)/$(PROGRAM_VERSION),../../lua,../$(PROGRAM_VERSION))
$(PROGRAM): Makefile | requirements
	@mkdir -p $(@D)
	@printf '%s\n' "$$TEXT" > $@
	@chmod 755 $@

# Compiling and downloading go side by side in `make demo` and `make test`.
duckdb: $(DUCKDB)
$(DUCKDB): .ci/duckdb
	@.ci/duckdb $(@D) && touch -c $@

# --- running ------------------------------------------------------------------------------------

# `eval "$(make -s env)"` makes `require "finspace"` work in this shell; LUA=luajit for another Lua.
env:
	@echo 'export FINSPACE_ROOT="$(CURDIR)"'
	@echo 'export LUA_PATH="$(CURDIR)/lua/?.lua;$(CURDIR)/lua/?/init.lua;$(CURDIR)/?.lua;$(CURDIR)/?/init.lua;;"'
	@echo 'export LUA_CPATH="$(CURDIR)/$(BUILD)/lua$(LUA_VERSION)/?.so;;"'

packages-demo:
	@.ci/packages $(PACKAGES_BUILD) $(PACKAGES_RUN)

packages-demo-cluster:
	@.ci/packages $(PACKAGES_BUILD) $(PACKAGES_RUN) $(PACKAGES_CLUSTER)

packages-test:
	@.ci/packages $(PACKAGES_BUILD) $(PACKAGES_RUN) $(PACKAGES_TEST)

# A third party that cannot be had is said, and the specs that ask it say that they are skipped.
packages-interop: packages-test
	@.ci/packages --try $(PACKAGES_INTEROP)
	@.ci/interop build/interop $(NPM_INTEROP) -- $(PYPI_INTEROP)

demo: packages-demo
	@$(MAKE) --no-print-directory -s -j2 all duckdb
	@trap '' PIPE; eval "$$($(MAKE) --no-print-directory -s env)"; exec lua5.4 examples/demo.lua

demo-cluster: packages-demo-cluster
	@$(MAKE) --no-print-directory -s -j2 all duckdb
	@trap '' PIPE; eval "$$($(MAKE) --no-print-directory -s env)"; exec lua5.4 examples/demo_cluster.lua

# A second compiler finds what the first one lets pass.
CLANG ?= clang
test: packages-test
	@$(MAKE) --no-print-directory -s -j2 all duckdb STRICT=-Werror
	@$(MAKE) --no-print-directory -s all BUILD=build/asan STRICT=-Werror CFLAGS='$(SANITIZE)'
	@$(MAKE) --no-print-directory -s all STRICT=-Werror BUILD=build/clang CC=$(CLANG) VERSIONS=lua5.4
	@lua5.4 spec/support/run.lua

interop: packages-interop
	@$(MAKE) --no-print-directory -s -j2 all duckdb
	@lua5.4 spec/support/run.lua interop

machines:
	@.ci/machines $(MACHINES)

SANITIZE = -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined
asan:
	@$(MAKE) --no-print-directory -s all BUILD=build/asan CFLAGS='$(SANITIZE)'
	@lua5.4 spec/support/run.lua asan

fuzz:
	@spec/fuzz/run

bench: all
	@eval "$$($(MAKE) --no-print-directory -s env)"; exec $(LUA) spec/bench/run.lua $(ONLY)

bench-instructions: all
	@eval "$$($(MAKE) --no-print-directory -s env)"; exec lua5.4 -e 'require("spec.bench.instructions").show()'

docs: all
	@eval "$$($(MAKE) --no-print-directory -s env)"; exec $(LUA) spec/support/docs.lua

# --- checking -----------------------------------------------------------------------------------

layers: all
	@lua5.4 spec/support/layers.lua

# The formatters of Lua and of the console's JavaScript are npm's: their settings are in .stylua.toml and .prettierrc.yaml.
STYLUA       ?= stylua
STYLUA_HINT   = npm install --global @johnnymorganz/stylua-bin
PRETTIER     ?= prettier
PRETTIER_HINT = npm install --global prettier@3
SCRIPTS       = lua/finspace/service/console
lint:
	@clang-format-14 --dry-run -Werror src/*.[ch]
	@if command -v $(STYLUA) > /dev/null; then $(STYLUA) --check lua spec examples; else echo 'stylua is not installed: $(STYLUA_HINT)'; fi
	@if command -v $(PRETTIER) > /dev/null; then $(PRETTIER) --log-level warn --check '$(SCRIPTS)/**/*.js'; else echo 'prettier is not installed: $(PRETTIER_HINT)'; fi
	@luacheck --quiet lua spec examples
	@lua5.4 spec/support/initialisers.lua src/*.[ch]

# --- installing ---------------------------------------------------------------------------------

PREFIX    ?= /usr/local
LUA_SHARE ?= $(PREFIX)/share/lua/$(LUA_VERSION)
LUA_LIB   ?= $(PREFIX)/lib/lua/$(LUA_VERSION)
BIN       ?= $(PREFIX)/bin
OF_VERSION = $(MODULES:%=$(BUILD)/lua$(LUA_VERSION)/finspace/%.so)
# The service runs in nginx, whose Lua is LuaJIT: what it loads is installed beside, DuckDB too where it was fetched.
OF_LUAJIT  = $(if $(INCLUDE_lua5.1),$(MODULES:%=$(BUILD)/lua5.1/finspace/%.so)) $(wildcard $(DUCKDB))

# Quoted by the shell, a path may have any character.
absolute = $(if $(filter /%,$(1)),$(1),$(CURDIR)/$(1))
install uninstall: export TO = $(if $(DESTDIR),$(call absolute,$(DESTDIR)))
install uninstall: export SHARE = $(call absolute,$(LUA_SHARE))
install uninstall: export LIB = $(call absolute,$(LUA_LIB))
install uninstall: export PROGRAMS = $(call absolute,$(BIN))
install: export TEXT = $(call PROGRAM_TEXT,$(LUA),$(PROGRAMS),$(SHARE),$(LIB),$(\
  )../share/lua/$(LUA_VERSION),../lib/lua/$(LUA_VERSION))

install: export INTERPRETER = $(LUA)
install: $(OF_VERSION) $(OF_LUAJIT) | requirements
	@.ci/install $(OF_VERSION) -- $(OF_LUAJIT)

uninstall:
	@.ci/install --undo

# A source rock: all that `luarocks install` needs on a machine without this checkout. A rock is a zip, which
# git can write: of nothing (its empty tree), and two files beside.
VERSION   := $(shell sed -n 's/^return "\(.*\)"/\1/p' lua/finspace/version.lua)
SOURCE     = finspace-$(VERSION)
ROCK       = $(SOURCE)-1
EMPTY_TREE = 4b825dc642cb6eb9a060e54bf8d69288fbee4904
rock:
	@rm -rf $(BUILD)/rock && mkdir -p $(BUILD)/rock
	@git ls-files -z | tar --null -T - --transform 's,^,$(SOURCE)/,' -czf $(BUILD)/rock/$(SOURCE).tar.gz
	@sed 's,url = .*,url = "$(SOURCE).tar.gz"\,,' $(ROCK).rockspec > $(BUILD)/rock/$(ROCK).rockspec
	@git archive --format=zip --add-file=$(BUILD)/rock/$(ROCK).rockspec --add-file=$(BUILD)/rock/$(SOURCE).tar.gz \
	  -o $(BUILD)/rock/$(ROCK).src.rock $(EMPTY_TREE)
	@echo $(BUILD)/rock/$(ROCK).src.rock

clean:
	rm -rf build
