"""The set `native`: descriptors of speech from published formulas, on NumPy alone.

Every function takes arrays of NumPy or of torch, of any device, and returns the same kind, by the
Python array API standard (https://data-apis.org/array-api/): there is one way to compute a
descriptor, and it runs on a GPU as it is.
"""
