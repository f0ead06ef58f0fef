package imports

// Limits of what is read. Beyond them a row is refused; a file as a whole is, where it is the file that is beyond.
const (
	MaxFileBytes    = 256 << 20
	MaxMappingBytes = 256 << 10
	MaxRows         = 1_000_000
	maxRowBytes     = 64 << 10
	maxCellBytes    = 8 << 10
	maxColumns      = 512
	maxFeatureBytes = 1 << 20
	maxOutlineBytes = 256 << 10 // canonical, so that it fits into one change with all else of its neighbourhood
	maxRings        = 1000
	maxNameRunes    = 200
)

// Sizes of a batch: what one transaction takes.
const (
	batchRows  = 500
	batchBytes = 1 << 20
)
