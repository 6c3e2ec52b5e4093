#include "model.h"

#include "utf8.h"

/* --- looking up ------------------------------------------------------------------------------- */

/* Most texts differ in their first byte already. */
static bool is_text(const char *text, slice wanted) {
    return wanted.len && text[0] == wanted.ptr[0] && slice_eq(slice_of_cstr(text), wanted);
}

const model_operation *model_find_operation(slice name, slice generation) {
    for (const model_operation *row = model_operations; row->name; row++) {
        if (!is_text(row->name, name)) continue;
        if (!generation.len || is_text(row->generation, generation)) return row;
    }
    return NULL;
}

const model_error *model_find_error(slice code) {
    for (const model_error *error = model_errors; error->code; error++) {
        if (is_text(error->code, code)) return error;
    }
    return NULL;
}

static bool is_transient(int status) {
    return status == 500 || status == 502 || status == 503 || status == 504;
}

static const char *kind_of(unsigned flags, int status) {
    if (flags & MODEL_THROTTLE) return "throttle";
    if (flags & MODEL_CREDENTIALS) return "credentials";
    if (status >= 500 || flags & MODEL_RETRYABLE) return "service";
    return status >= 400 ? "client" : "protocol";
}

model_verdict model_judge(slice code, int status) {
    const model_error *known = model_find_error(code);
    unsigned flags = known ? known->flags : 0;
    if (status == 429) flags |= MODEL_RETRYABLE | MODEL_THROTTLE;
    if (is_transient(status)) flags |= MODEL_RETRYABLE;
    return (model_verdict){kind_of(flags, status), flags};
}

const model_member *model_find_member(const model_member *members, slice name) {
    for (const model_member *m = members; m->name; m++) {
        if (is_text(m->name, name)) return m;
    }
    return NULL;
}

const model_member *model_find_wire_member(const model_member *members, slice wire) {
    for (const model_member *m = members; m->name; m++) {
        if (is_text(m->wire, wire)) return m;
    }
    return NULL;
}

bool model_has_body(const model_member *members) {
    for (const model_member *m = members; m->name; m++) {
        if (m->place == MODEL_BODY) return true;
    }
    return false;
}

/* --- checking --------------------------------------------------------------------------------- */

static bool is_one_of(slice text, const char *const *values) {
    for (; *values; values++) {
        if (is_text(*values, text)) return true;
    }
    return false;
}

model_rule model_check_string(const model_shape *shape, slice text) {
    if (!utf8_is_valid(text)) return MODEL_RULE_UTF8;
    if (shape->values) return is_one_of(text, shape->values) ? MODEL_RULE_KEPT : MODEL_RULE_ENUM;
    int64_t length = (int64_t)utf8_count(text);
    if (length < shape->min || (shape->max && length > shape->max)) return MODEL_RULE_LENGTH;
    if (shape->pattern && !shape->pattern->matches(text)) return MODEL_RULE_PATTERN;
    return MODEL_RULE_KEPT;
}

model_rule model_check_integer(const model_shape *shape, int64_t value) {
    if (shape->type == MODEL_INTEGER && (value < INT32_MIN || value > INT32_MAX)) {
        return MODEL_RULE_RANGE;
    }
    if (shape->max && (value < shape->min || value > shape->max)) return MODEL_RULE_RANGE;
    return MODEL_RULE_KEPT;
}
