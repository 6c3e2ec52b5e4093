--- The version: the rockspec alone names it once more.
return "1.0.0"
