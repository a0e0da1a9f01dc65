"""From what users have to rows on the device: arrays, tables, splits, scalers, and the feeds of a run."""
