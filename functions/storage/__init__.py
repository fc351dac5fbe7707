"""Everything that the control plane keeps in DynamoDB; the only modules that know its expressions and item shapes.

Values in and out are those of `functions.domain`. `functions.storage.items` says how they look as items, which
docs/data-model.md lists.
"""
