/* The model's rows as Lua tables: what everything above C knows about the service comes from here.
 */
#include "lcore.h"

static void set_text(lua_State *L, const char *field, const char *text) {
    if (text) lbind_set_text(L, field, text);
}

static void set_bound(lua_State *L, const char *field, int64_t bound) {
    if (bound) lbind_set_integer(L, field, (int64_t)bound);
}

static void push_texts(lua_State *L, const char *const *texts) {
    lua_newtable(L);
    for (int i = 0; texts[i]; i++) {
        lua_pushstring(L, texts[i]);
        lua_rawseti(L, -2, i + 1);
    }
}

static const char *type_name(model_type type) {
    static const char *const names[] = {"string",    "integer", "long", "boolean",
                                        "timestamp", "list",    "map",  "structure"};
    _Static_assert(sizeof names / sizeof *names == MODEL_STRUCTURE + 1, "every type has its name");
    return names[type];
}

static const char *place_name(model_place place) {
    static const char *const names[] = {"body", "path", "query", "status"};
    _Static_assert(sizeof names / sizeof *names == MODEL_STATUS + 1, "every place has its name");
    return names[place];
}

static void push_members(lua_State *L, const model_member *members);
static void push_shape(lua_State *L, const model_shape *shape);

/* Adds a shape's fields to the table on the top of the stack. */
static void set_shape(lua_State *L, const model_shape *shape) {
    set_text(L, "type", type_name(shape->type));
    set_bound(L, "min", shape->min);
    set_bound(L, "max", shape->max);
    if (shape->pattern) set_text(L, "pattern", shape->pattern->text);
    if (shape->values) {
        push_texts(L, shape->values);
        lua_setfield(L, -2, "enum");
    }
    if (shape->key) {
        push_shape(L, shape->key);
        lua_setfield(L, -2, "key");
    }
    if (shape->element) {
        push_shape(L, shape->element);
        lua_setfield(L, -2, shape->type == MODEL_MAP ? "value" : "of");
    }
    if (shape->structure) {
        set_text(L, "structure", shape->structure->name);
        push_members(L, shape->structure->members);
        lua_setfield(L, -2, "members");
    }
}

static void push_shape(lua_State *L, const model_shape *shape) {
    lua_newtable(L);
    set_shape(L, shape);
}

static void push_member(lua_State *L, const model_member *member) {
    lua_newtable(L);
    set_text(L, "name", member->name);
    set_text(L, "wire", member->wire);
    set_text(L, "place", place_name(member->place));
    lbind_set_flag(L, "required", member->flags & MODEL_REQUIRED);
    lbind_set_flag(L, "sensitive", member->flags & MODEL_SENSITIVE);
    lbind_set_flag(L, "client_token", member->flags & MODEL_CLIENT_TOKEN);
    lbind_set_flag(L, "always", member->flags & MODEL_ALWAYS);
    set_shape(L, member->shape);
}

static void push_members(lua_State *L, const model_member *members) {
    luaL_checkstack(L, 8, "nested members");
    lua_newtable(L);
    for (int i = 0; members[i].name; i++) {
        push_member(L, &members[i]);
        lua_rawseti(L, -2, i + 1);
    }
}

static void push_pages(lua_State *L, const model_pages *pages) {
    lua_newtable(L);
    set_text(L, "token", pages->token);
    set_text(L, "limit", pages->limit);
    set_text(L, "result", pages->result);
}

static const char *client_token_place(const model_member *input) {
    for (; input->name; input++) {
        if (input->flags & MODEL_CLIENT_TOKEN) return place_name(input->place);
    }
    return NULL;
}

static void push_operation(lua_State *L, const model_operation *row) {
    lua_newtable(L);
    set_text(L, "name", row->name);
    set_text(L, "generation", row->generation);
    set_text(L, "method", row->method);
    set_text(L, "path", row->path);
    set_text(L, "chosen_by", row->chosen_by);
    set_text(L, "client_token", client_token_place(row->input));
    lbind_set_flag(L, "only_reads", row->only_reads);
    push_texts(L, row->errors);
    lua_setfield(L, -2, "errors");
    push_members(L, row->input);
    lua_setfield(L, -2, "input");
    push_members(L, row->output);
    lua_setfield(L, -2, "output");
    if (row->pages) {
        push_pages(L, row->pages);
        lua_setfield(L, -2, "pagination");
    }
}

static int l_operations(lua_State *L) {
    lua_newtable(L);
    for (int i = 0; model_operations[i].name; i++) {
        push_operation(L, &model_operations[i]);
        lua_rawseti(L, -2, i + 1);
    }
    return 1;
}

/* operation_names() -> name = generation of its newest form, the last in the table: rows are large,
 * and few programs want them all */
static int l_operation_names(lua_State *L) {
    lua_newtable(L);
    for (int i = 0; model_operations[i].name; i++) {
        set_text(L, model_operations[i].name, model_operations[i].generation);
    }
    return 1;
}

/* operation(name [, generation]) -> row | nil */
static int l_operation(lua_State *L) {
    slice name = lbind_check_slice(L, 1);
    slice generation = lbind_optional_slice(L, 2, SLICE(""));
    const model_operation *row = model_find_operation(name, generation);
    if (!row) return 0;
    push_operation(L, row);
    return 1;
}

static void set_flags(lua_State *L, unsigned flags) {
    lbind_set_flag(L, "retryable", flags & MODEL_RETRYABLE);
    lbind_set_flag(L, "throttle", flags & MODEL_THROTTLE);
    lbind_set_flag(L, "clock", flags & MODEL_CLOCK);
    lbind_set_flag(L, "credentials", flags & MODEL_CREDENTIALS);
}

void lcore_set_verdict(lua_State *L, model_verdict verdict) {
    lbind_set_text(L, "kind", verdict.kind);
    set_flags(L, verdict.flags);
}

/* judge(code or nil, status) -> {kind, retryable, throttle, clock, credentials} */
static int l_judge(lua_State *L) {
    slice code = lbind_optional_slice(L, 1, SLICE(""));
    int status = (int)luaL_checkinteger(L, 2);
    lua_createtable(L, 0, 5);
    lcore_set_verdict(L, model_judge(code, status));
    return 1;
}

static void push_statuses(lua_State *L, const short *statuses) {
    lua_newtable(L);
    for (int i = 0; statuses[i]; i++) {
        lua_pushinteger(L, statuses[i]);
        lua_rawseti(L, -2, i + 1);
    }
}

/* errors() -> list of {code, statuses, retryable, throttle, clock, credentials} */
static int l_errors(lua_State *L) {
    lua_newtable(L);
    for (int i = 0; model_errors[i].code; i++) {
        const model_error *error = &model_errors[i];
        lua_newtable(L);
        set_text(L, "code", error->code);
        set_flags(L, error->flags);
        push_statuses(L, error->statuses);
        lua_setfield(L, -2, "statuses");
        lua_rawseti(L, -2, i + 1);
    }
    return 1;
}

void lcore_open_model(lua_State *L) {
    static const luaL_Reg functions[] = {
        {"operations", l_operations}, {"operation_names", l_operation_names},
        {"operation", l_operation},   {"errors", l_errors},
        {"judge", l_judge},           {NULL, NULL}};
    luaL_setfuncs(L, functions, 0);
}
