/* The patterns of the API reference. Part of the model module; see model_pattern in model.h. */
#ifndef FINSPACE_MODEL_PATTERNS_H
#define FINSPACE_MODEL_PATTERNS_H

#include "model.h"

extern const model_pattern model_pattern_none; /* no pattern: text is NULL, everything matches */
extern const model_pattern model_pattern_anything;
extern const model_pattern model_pattern_non_space;
extern const model_pattern model_pattern_non_space_line;
extern const model_pattern model_pattern_whole_line;
extern const model_pattern model_pattern_alias;
extern const model_pattern model_pattern_email;
extern const model_pattern model_pattern_role_arn;
extern const model_pattern model_pattern_phone;

#endif
