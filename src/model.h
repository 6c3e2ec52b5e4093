/* model: what the service offers, as data. One row an operation, and nothing else anywhere.
 *
 * The client's methods and checks, the service's routes, the annotations, the reference and the
 * specs all read these rows. They are constant: pointers into them are valid for ever.
 *
 * Sources: the FinSpace Data API reference of 2021-05 ("2021-05" rows) and its later revision
 * ("2021-12" rows). Both wire forms of CreateChangeset are here.
 */
#ifndef FINSPACE_MODEL_H
#define FINSPACE_MODEL_H

#include "slice.h"

#include <stdint.h>

typedef enum model_type {
    MODEL_STRING,
    MODEL_INTEGER, /* 32 bits */
    MODEL_LONG,    /* 64 bits; times are epoch milliseconds */
    MODEL_BOOLEAN,
    MODEL_TIMESTAMP, /* epoch seconds, may carry a fraction; answers only */
    MODEL_LIST,
    MODEL_MAP,
    MODEL_STRUCTURE
} model_type;

/* Where a member travels. */
typedef enum model_place { MODEL_BODY, MODEL_PATH, MODEL_QUERY, MODEL_STATUS } model_place;

typedef enum model_member_flag {
    MODEL_REQUIRED = 1,
    MODEL_SENSITIVE = 2,    /* never shown in an error or a log */
    MODEL_CLIENT_TOKEN = 4, /* filled in when the caller gives none */
    MODEL_ALWAYS = 8        /* every answer has it: one without it is no success. The reference does
                               not say so; these are what the answer is asked for */
} model_member_flag;

/* A pattern of the reference, and the hand-written check that it comes down to. As in Smithy, a
 * pattern may match anywhere in the text unless it has anchors, and `\S` is ECMA 262's: not a
 * Unicode space. Every check takes linear time. */
typedef struct model_pattern {
    const char *text;            /* NULL: none */
    bool (*matches)(slice text); /* the text is well-formed UTF-8 */
} model_pattern;

typedef struct model_shape model_shape;
typedef struct model_member model_member;

/* A structure type; its members end with one whose name is NULL. */
typedef struct model_structure {
    const char *name;
    const model_member *members;
} model_structure;

struct model_shape {
    model_type type;
    int64_t min, max;             /* a string's code points, a number's value; 0: no bound */
    const char *const *values;    /* an enum's values, ending with NULL; or NULL */
    const model_pattern *pattern; /* of a string; model_pattern_none matches all; else NULL */
    const model_shape *element;   /* a list's elements, a map's values */
    const model_shape *key;       /* a map's keys */
    const model_structure *structure;
};

struct model_member {
    const char *name;
    const char *wire; /* its name on the wire */
    const model_shape *shape;
    model_place place;
    unsigned flags; /* of model_member_flag */
};

typedef struct model_pages {
    const char *token;  /* the member that carries the next page's token, both ways */
    const char *limit;  /* the input member that bounds a page */
    const char *result; /* the output member that holds a page's items */
} model_pages;

typedef struct model_operation {
    const char *name;
    const char *generation;
    const char *method;
    const char *path; /* a template: {wireName} stands for one encoded segment */
    /* With two rows of one name: a request that has this member means this row. NULL: the other. */
    const char *chosen_by;
    bool only_reads;           /* it changes nothing, whatever its method: no lock, and no token */
    const char *const *errors; /* codes, ending with NULL */
    const model_pages *pages;  /* or NULL */
    const model_member *input; /* these end with a member whose name is NULL */
    const model_member *output;
} model_operation;

typedef enum model_error_flag {
    MODEL_RETRYABLE = 1,
    MODEL_THROTTLE = 2,   /* back off longer */
    MODEL_CLOCK = 4,      /* our clock may be wrong */
    MODEL_CREDENTIALS = 8 /* fresh credentials may help */
} model_error_flag;

typedef struct model_error {
    const char *code;
    unsigned flags;
    short statuses[3]; /* the HTTP statuses it is documented with, ending with 0; none: not
                          documented */
} model_error;

/* All rows, ending with one whose name is NULL. */
extern const model_operation model_operations[];

/* All error codes that mean something to us, ending with one whose code is NULL. The 24 documented
 * codes come first. */
extern const model_error model_errors[];

/* The row of that name; `generation` may be empty, which takes the first. NULL when there is none.
 */
const model_operation *model_find_operation(slice name, slice generation);

/* The error of that code, or NULL. */
const model_error *model_find_error(slice code);

/* What an error means for the caller: whose fault it is, and what may help. */
typedef struct model_verdict {
    const char *kind; /* "throttle", "credentials", "service", "client" or "protocol" */
    unsigned flags;   /* of model_error_flag */
} model_verdict;

/* Judges an answer that is no success, of any AWS service, by its error code (may be empty or
 * unknown) and its HTTP status. The statuses that pass by themselves are those of the AWS SDKs'
 * standard retry mode. */
model_verdict model_judge(slice code, int status);

/* The member of that name in a list of members, or NULL. */
const model_member *model_find_member(const model_member *members, slice name);

/* The same, by the name on the wire. */
const model_member *model_find_wire_member(const model_member *members, slice wire);

/* Whether any member travels in the body: then a request has a JSON body, `{}` at the least. */
bool model_has_body(const model_member *members);

/* The rule that a value breaks. */
typedef enum model_rule {
    MODEL_RULE_KEPT,
    MODEL_RULE_UTF8,
    MODEL_RULE_LENGTH,
    MODEL_RULE_RANGE,
    MODEL_RULE_ENUM,
    MODEL_RULE_PATTERN
} model_rule;

/* The first rule of a string shape that the text breaks. */
model_rule model_check_string(const model_shape *shape, slice text);

/* The same for MODEL_INTEGER and MODEL_LONG. */
model_rule model_check_integer(const model_shape *shape, int64_t value);

#endif
