/* lcore: the binding of the core, finspace.core. What its files share.
 *
 * lcore.c opens the module. lcore_model.c shows the model's rows, lcore_prepare.c turns a Lua table
 * into a request, lcore_finish.c a response into a Lua table (lcore_decode.c reads JSON,
 * lcore_encode.c writes it), lcore_digest.c binds the hashes, and lcore_sigv4.c the signer,
 * lcore_chunked.c bodies in chunks and their checksums, lcore_typed.c texts as values of types.
 *
 * Every function here follows one order: read all Lua arguments, run pure C, push the results. Lua
 * errors are longjmps, so heap memory always lives in a userdata that the collector can free.
 */
#ifndef FINSPACE_LCORE_H
#define FINSPACE_LCORE_H

#include "lbind.h"
#include "model.h"

/* Bufs that one call after the other uses, so that most calls allocate nothing. */
enum { LCORE_SCRATCH = 4 };
typedef struct lcore_scratch {
    bool is_lent;
    buf bufs[LCORE_SCRATCH]; /* growing ones; the borrower sets their limits */
} lcore_scratch;

/* Pushes the scratch, for this call alone: a call within it gets another one. Whoever raises an
 * error leaves it to the collector. */
lcore_scratch *lcore_borrow_scratch(lua_State *L);

/* Gives it back, wiped, for the next call. */
void lcore_return_scratch(lcore_scratch *s);

/* The row of that name and generation (empty: the first). An unknown one raises an error. */
const model_operation *lcore_require_operation(lua_State *L, slice name, slice generation);

/* The row that the string at `index` names, of the generation at `index + 1` (nil: the first). An
 * unknown name raises an error. */
const model_operation *lcore_check_operation(lua_State *L, int index);

/* Pushes a userdata that holds the string keys of the table at `index`, sorted by their bytes, and
 * gives their number in `count`. The slices are valid while the table keeps its keys. Keys of other
 * types are left out. */
const slice *lcore_push_sorted_keys(lua_State *L, int index, size_t *count);

/* Whether the value at `index` is nil, or JSON's null as lua-cjson has it (a NULL light userdata).
 */
bool lcore_is_absent(lua_State *L, int index);

/* The exact whole number at `index`. False for another type, a fraction, or a double beyond 2^53,
 * where doubles have gaps. */
bool lcore_to_integer(lua_State *L, int index, int64_t *value);

/* Sets kind, retryable, throttle, clock and credentials in the table on the top. */
void lcore_set_verdict(lua_State *L, model_verdict verdict);

enum {
    LCORE_JSON_DEPTH = 64,               /* the deepest nesting that is read or written */
    LCORE_JSON_LIMIT = 64 * 1024 * 1024, /* the longest text, in bytes */
};

/* Reads the JSON text at `index`. Pushes its value and returns true, or pushes a message. Whole
 * numbers are exact, null is absent. With a shape, `fault` receives the name of a member that is
 * missing or is not as the shape has it, or NULL. */
bool lcore_decode(lua_State *L, int index, const model_shape *shape, const char **fault);

/* Add their functions to the module table on the top of the stack. */
void lcore_open_model(lua_State *L);
void lcore_open_prepare(lua_State *L);
void lcore_open_decode(lua_State *L);
void lcore_open_encode(lua_State *L);
void lcore_open_finish(lua_State *L);
void lcore_open_digest(lua_State *L);
void lcore_open_sigv4(lua_State *L);
void lcore_open_chunked(lua_State *L);
void lcore_open_typed(lua_State *L);

FINSPACE_EXPORT int luaopen_finspace_core(lua_State *L);

#endif
