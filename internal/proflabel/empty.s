// The compiler lets functions have no body where there is assembly.
