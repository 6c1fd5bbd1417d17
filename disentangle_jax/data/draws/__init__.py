"""How requests are drawn, a file per theme.

Each function takes a data set and a request and gives
`(key, arrays, index int32 [B], batch) -> fields`, where `batch` is what the
data set's own `sample` gave for the same key and index.
"""
