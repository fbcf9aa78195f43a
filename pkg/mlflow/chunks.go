package mlflow

import (
	"encoding/json"
	"iter"
)

// MaxBatchBytes is how long the JSON of one batch may be. Servers before MLflow
// 3 refuse a million bytes; the rest is room for what surrounds the entities.
const MaxBatchBytes = 900_000

// Chunks cuts a batch into ones that a server takes: params first, since a param
// that changes is the likeliest refusal, then tags, then metrics. A batch within
// the limits comes back as it is. Each chunk is logged as a whole or not at all,
// their sum is not.
func (b Batch) Chunks() iter.Seq[Batch] {
	return func(yield func(Batch) bool) {
		c := chunker{yield: yield, more: true}
		for _, p := range b.Params {
			c.room(len(c.batch.Params) < MaxBatchParams, p)
			c.batch.Params = append(c.batch.Params, p)
		}
		for _, t := range b.Tags {
			c.room(len(c.batch.Tags) < MaxBatchTags, t)
			c.batch.Tags = append(c.batch.Tags, t)
		}
		for _, m := range b.Metrics {
			c.room(len(c.batch.Metrics) < MaxBatchMetrics, m)
			c.batch.Metrics = append(c.batch.Metrics, m)
		}
		c.flush()
	}
}

// chunker fills one chunk after the other.
type chunker struct {
	yield func(Batch) bool
	more  bool // the consumer wants more
	batch Batch
	bytes int
}

// room hands the chunk on where the next entity has no place in it.
func (c *chunker) room(fits bool, next any) {
	raw, _ := json.Marshal(next) // strings and numbers always can
	b := c.batch
	if !fits || len(b.Params)+len(b.Tags)+len(b.Metrics) == MaxBatchEntities || c.bytes+len(raw) >= MaxBatchBytes {
		c.flush()
	}
	c.bytes += len(raw) + len(",")
}

func (c *chunker) flush() {
	b := c.batch
	if c.more && len(b.Params)+len(b.Tags)+len(b.Metrics) > 0 {
		c.more = c.yield(b)
	}
	c.batch, c.bytes = Batch{}, 0
}
