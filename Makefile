# finspace: `make` builds, `make demo` shows the main job, `make test` proves it, `make help` lists the rest.

CC       ?= cc
CFLAGS   ?= -O2 -g
WARNINGS  = -std=c11 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wvla
# Warnings are errors in `make test` alone: a new compiler must not stop a user's build.
STRICT   ?=
BUILDING  = $(WARNINGS) $(STRICT) $(CFLAGS) -fPIC -fvisibility=hidden -D_FORTIFY_SOURCE=2 -fstack-protector-strong -D_FILE_OFFSET_BITS=64 -MMD -MP
LINKING   = -shared -Wl,-z,relro,-z,now -Wl,--as-needed

# Where things are built; `make asan` builds beside the ordinary objects.
BUILD    ?= build
# The interpreter that `make env`, `make demo` and `make bench` use.
LUA      ?= lua5.4

# The modules of the core, by layer (see README.md).
CORE_PURE = buf utf8 uri json digest digest_sha_ni digest_armv8 model model_patterns model_table sigv4 sigv4_canonical sigv4_verify sigv4_chunked crc
CORE_BIND  = lbind lcore lcore_model lcore_prepare lcore_finish lcore_digest lcore_sigv4 lcore_chunked
HTTP_PURE = buf http http_text http_error http_transfer http_request http_answer http_client http_multi
HTTP_BIND  = lbind lhttp
SYS_PURE  = buf
SYS_BIND   = lbind lsys lsys_files lsys_process
HASHING_PURE = buf digest digest_sha_ni digest_armv8 hashing
HASHING_BIND  = lbind lhashing

CORE_LIBS = -lbearssl -lm
HASHING_LIBS = -lbearssl -pthread
HTTP_LIBS = $(shell pkg-config --libs libcurl)

# One build against the 5.1 headers serves Lua 5.1, LuaJIT, Neovim and nginx.
include_of = $(shell pkg-config --cflags $(1) 2>/dev/null)
INCLUDE_lua5.4 := $(call include_of,lua5.4)
INCLUDE_lua5.3 := $(call include_of,lua5.3)
INCLUDE_lua5.1 := $(or $(call include_of,lua5.1),$(call include_of,luajit))
VERSIONS := $(foreach v,lua5.4 lua5.3 lua5.1,$(if $(INCLUDE_$(v)),$(v)))

# LuaRocks builds for one Lua, whose headers it has found itself.
ifdef LUA_INCDIR
LUA_VERSION := $(shell $(LUA) -e 'io.write(_VERSION:match("%d+%.%d+"))')
VERSIONS := lua$(LUA_VERSION)
INCLUDE_$(VERSIONS) := -I$(LUA_INCDIR)
endif

MODULES  = core http sys hashing
# The engine of the service's worker that ingests: npm's package, which Debian has not.
DUCKDB   = build/duckdb/libduckdb.so
OBJECTS  = $(foreach v,$(VERSIONS),$(foreach m,$(MODULES),$(BUILD)/$(v)/finspace/$(m).so))
PROGRAM  = $(BUILD)/bin/finspace

# Debian 12's packages, each named with its reason in README.md.
PACKAGES_BUILD = gcc libc6-dev pkg-config lua5.4 liblua5.4-dev libluajit2-5.1-dev libcurl4-openssl-dev libbearssl-dev lua-cjson
PACKAGES_RUN   = lua-argparse lua-expat nginx-light libnginx-mod-http-lua libsqlite3-0 libssl3 zlib1g ca-certificates
# npm fetches DuckDB's library; any npm will do.
PACKAGES_RUN  += $(if $(wildcard $(DUCKDB))$(shell command -v npm),,npm)
PACKAGES_TEST  = lua5.3 liblua5.3-dev lua5.1 liblua5.1-0-dev luajit2 luarocks lua-busted lua-check lua-socket lua-luv lua-cqueues \
                 neovim openssl curl git clang clang-format-14 sqlite3 valgrind

# nginx lives where an ordinary user's PATH does not reach on Debian.
export PATH := $(PATH):/usr/local/sbin:/usr/sbin

.PHONY: all demo test duckdb asan fuzz bench bench-instructions layers lint docs install clean env help packages-demo packages-test

all: $(OBJECTS) $(PROGRAM)

help:
	@echo 'make          build for every Lua found: $(VERSIONS)'
	@echo 'make demo     install what is missing, and load real market data into a service on loopback'
	@echo 'make test     install what is missing, and run every spec on every Lua, and under sanitizers'
	@echo 'make duckdb   fetch DuckDB, with which the service ingests, through npm'
	@echo 'make bench    measure against raw libcurl and, where installed, boto3 and the AWS CLI'
	@echo 'make bench-instructions   count the instructions of a warm call, step by step (needs valgrind)'
	@echo 'make asan     build with the address and undefined-behaviour sanitizers, and run the specs'
	@echo 'make fuzz     fuzz the parsers for a minute each (needs clang-14)'
	@echo 'make layers   check that no module knows more than its layer allows'
	@echo 'make lint     clang-format, stylua and luacheck'
	@echo 'make docs     write the reference and the annotations anew from the model'
	@echo 'make install  install below PREFIX (default /usr/local) for LUA_VERSION (default 5.4)'
	@echo 'make clean    remove what was built'

# --- building -----------------------------------------------------------------------------------

$(BUILD)/obj/%.o: src/%.c
	@mkdir -p $(@D)
	$(CC) $(BUILDING) -c $< -o $@

define build_version
$(BUILD)/$(1)/obj/%.o: src/%.c
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
	$$(CC) $$(CFLAGS) $$(LINKING) $$^ -o $$@
$(BUILD)/$(1)/finspace/hashing.so: $$(HASHING_PURE:%=$$(BUILD)/obj/%.o) $$(HASHING_BIND:%=$$(BUILD)/$(1)/obj/%.o)
	@mkdir -p $$(@D)
	$$(CC) $$(CFLAGS) $$(LINKING) $$^ -o $$@ $$(HASHING_LIBS)
endef
$(foreach v,$(VERSIONS),$(eval $(call build_version,$(v))))

.SECONDARY:
-include $(wildcard $(BUILD)/obj/*.d $(BUILD)/*/obj/*.d)

# The command line, runnable where it was built.
$(PROGRAM): Makefile
	@mkdir -p $(@D)
	@{ echo '#!/usr/bin/env lua5.4'; \
	   echo 'local root = arg[0]:match("^(.*)/$(BUILD)/bin/[^/]*$$") or "."'; \
	   echo 'package.path = root .. "/lua/?.lua;" .. root .. "/lua/?/init.lua;" .. package.path'; \
	   echo 'package.cpath = root .. "/$(BUILD)/lua5.4/?.so;" .. package.cpath'; \
	   echo 'dofile(root .. "/lua/finspace/cli/main.lua")'; } > $@
	@chmod 755 $@

# Compiling and downloading go side by side in `make demo` and `make test`.
duckdb: $(DUCKDB)
$(DUCKDB): .ci/duckdb
	@.ci/duckdb $(@D) && touch -c $@

# --- running ------------------------------------------------------------------------------------

# The build that an interpreter loads.
VERSION_OF = $(or $(filter lua5.4 lua5.3,$(LUA)),lua5.1)

# `eval "$(make -s env)"` makes `require "finspace"` work in this shell; LUA=luajit for another Lua.
env:
	@echo 'export FINSPACE_ROOT="$(CURDIR)"'
	@echo 'export LUA_PATH="$(CURDIR)/lua/?.lua;$(CURDIR)/lua/?/init.lua;$(CURDIR)/?.lua;$(CURDIR)/?/init.lua;;"'
	@echo 'export LUA_CPATH="$(CURDIR)/$(BUILD)/$(VERSION_OF)/?.so;;"'

packages-demo:
	@.ci/packages $(PACKAGES_BUILD) $(PACKAGES_RUN)

packages-test:
	@.ci/packages $(PACKAGES_BUILD) $(PACKAGES_RUN) $(PACKAGES_TEST)

demo: packages-demo
	@$(MAKE) --no-print-directory -s -j2 all duckdb
	@trap '' PIPE; eval "$$($(MAKE) --no-print-directory -s env)"; exec lua5.4 examples/demo.lua

# A second compiler finds what the first one lets pass.
CLANG ?= clang
test: packages-test
	@$(MAKE) --no-print-directory -s -j2 all duckdb STRICT=-Werror
	@$(MAKE) --no-print-directory -s all BUILD=build/asan STRICT=-Werror CFLAGS='$(SANITIZE)'
	@$(MAKE) --no-print-directory -s all STRICT=-Werror BUILD=build/clang CC=$(CLANG) VERSIONS=lua5.4
	@lua5.4 spec/support/run.lua

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

# The formatter of Lua is npm's: its settings are in .stylua.toml.
STYLUA      ?= stylua
STYLUA_HINT  = npm install --global @johnnymorganz/stylua-bin
lint:
	@clang-format-14 --dry-run -Werror src/*.[ch]
	@if command -v $(STYLUA) > /dev/null; then $(STYLUA) --check lua spec examples; else echo 'stylua is not installed: $(STYLUA_HINT)'; fi
	@luacheck --quiet lua spec examples
	@lua5.4 spec/support/initialisers.lua src/*.[ch]

# --- installing ---------------------------------------------------------------------------------

PREFIX      ?= /usr/local
LUA_VERSION ?= 5.4
LUA_SHARE   ?= $(DESTDIR)$(PREFIX)/share/lua/$(LUA_VERSION)
LUA_LIB     ?= $(DESTDIR)$(PREFIX)/lib/lua/$(LUA_VERSION)
BIN         ?= $(DESTDIR)$(PREFIX)/bin

install: all
	cd lua && find finspace -type d -exec install -d '$(LUA_SHARE)/{}' ';'
	cd lua && find finspace -type f -exec install -m 644 '{}' '$(LUA_SHARE)/{}' ';'
	install -d '$(LUA_LIB)/finspace' '$(BIN)'
	install -m 755 $(MODULES:%=$(BUILD)/lua$(LUA_VERSION)/finspace/%.so) '$(LUA_LIB)/finspace'
	{ echo '#!/usr/bin/env lua$(LUA_VERSION)'; \
	  echo '-- The modules stand below the same prefix, or in the same tree of LuaRocks.'; \
	  echo 'local prefix = arg[0]:match("^(.*)/lib/luarocks/") or arg[0]:match("^(.*)/bin/[^/]*$$") or ".."'; \
	  echo 'local share, lib = prefix .. "/share/lua/$(LUA_VERSION)", prefix .. "/lib/lua/$(LUA_VERSION)"'; \
	  echo 'package.path = share .. "/?.lua;" .. share .. "/?/init.lua;" .. package.path'; \
	  echo 'package.cpath = lib .. "/?.so;" .. package.cpath'; \
	  cat lua/finspace/cli/main.lua; } > '$(BIN)/finspace'
	chmod 755 '$(BIN)/finspace'

clean:
	rm -rf build
