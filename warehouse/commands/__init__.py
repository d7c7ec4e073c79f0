"""The commands of `warehouse` that read what it holds, one module each; `warehouse.cli` joins them."""
