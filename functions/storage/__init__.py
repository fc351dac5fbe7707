"""Everything that the control plane keeps in DynamoDB; the only modules that know its expressions and item shapes.

Values in and out are those of `functions.domain.accounts` and `functions.domain.fleet`. Item shapes are listed in docs/data-model.md.
"""
