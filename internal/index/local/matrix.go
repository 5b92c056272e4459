package local

import (
	"unsafe"

	"gonum.org/v1/gonum/blas/gonum"

	"github.com/ragpipeline/ragpipeline/internal/vector"
)

// matrix holds a unit vector for every ordinal, in blocks: growing copies nothing.
type matrix struct {
	dimensions int // is 0 until the first row
	rows       int
	blocks     []block
	dither     *dither // is that of the blocks' coarse forms; nil while the rows are few
}

// blockRows is a megabyte of rows of 1,024 dimensions.
const blockRows = 256

type block struct {
	rows      []float32
	quantised quantised // is empty where there is no kernel
}

func newBlock(dimensions, capacity int) block {
	return blockIn(make([]float32, capacity*dimensions), make([]int8, capacity*widthOf(dimensions)), capacity)
}

// blockIn makes a block of arrays that have room for that many rows.
func blockIn(rows []float32, values []int8, capacity int) block {
	return block{rows[:0], newQuantised(values, capacity)}
}

// add appends a unit vector, the block's i-th.
func (b *block) add(i int, unit []float32) {
	b.rows = append(b.rows, unit...)
	b.quantised.set(i, unit)
}

// coarsen gives the block, which has that many rows and room for blockRows, the coarse form.
func (b *block) coarsen(d *dither, rows, dimensions int) {
	if d == nil || b.quantised.coarse.dither != nil {
		return
	}
	b.quantised.coarse = newCoarse(d, make([]uint8, blockRows*widthOf(dimensions)/2))
	for i := range rows {
		b.quantised.coarsen(i, b.rows[i*dimensions:][:dimensions])
	}
}

// normalise makes the block's i-th row a unit vector.
func (b *block) normalise(i, dimensions int) {
	row := b.rows[i*dimensions:][:dimensions]
	vector.Normalise(row)
	b.quantised.set(i, row)
	b.quantised.coarsen(i, row)
}

// append appends the unit vectors of the next n ordinals. Where a block begins, it takes over one
// that has room for blockRows instead of copying it.
func (m *matrix) append(from *block, n int) {
	if n == 0 {
		return
	}
	if m.rows == 0 {
		m.dimensions = len(from.rows) / n
	}
	if m.rows%blockRows == 0 && cap(from.rows) == blockRows*m.dimensions {
		m.blocks = append(m.blocks, *from)
		m.rows += n
		m.coarsen()
		return
	}
	for i := range n {
		if m.rows%blockRows == 0 {
			m.blocks = append(m.blocks, newBlock(m.dimensions, blockRows))
			m.coarsen()
		}
		to, row := &m.blocks[len(m.blocks)-1], from.rows[i*m.dimensions:][:m.dimensions]
		to.rows = append(to.rows, row...)
		to.quantised.copy(m.rows%blockRows, &from.quantised, i)
		to.quantised.coarsen(m.rows%blockRows, row)
		m.rows++
	}
}

// coarsen gives the blocks, of which the last may be new, the coarse form once the rows are many.
func (m *matrix) coarsen() {
	last := len(m.blocks) - 1
	if m.dither == nil {
		m.dither = m.blocks[last].quantised.coarse.dither // was made with the room for all
	}
	switch {
	case m.dither != nil:
		m.blocks[last].coarsen(m.dither, m.rows-last*blockRows, m.dimensions)
	case hasKernel && m.rows >= coarseRows:
		m.dither = newDither(m.dimensions)
		for i := range m.blocks {
			m.blocks[i].coarsen(m.dither, min(blockRows, m.rows-i*blockRows), m.dimensions)
		}
	}
}

// keep moves the given rows, in ascending order, to the front and drops the others.
func (m *matrix) keep(ordinals []uint32) {
	for to, from := range ordinals {
		if uint32(to) != from {
			copy(m.row(uint32(to)), m.row(from))
			z := &m.blocks[to/blockRows].quantised
			z.set(to%blockRows, m.row(from))
			z.coarsen(to%blockRows, m.row(from))
		}
	}
	m.rows = len(ordinals)
	used := (m.rows + blockRows - 1) / blockRows
	clear(m.blocks[used:])
	m.blocks = m.blocks[:used]
	if rest := m.rows % blockRows; rest > 0 {
		m.blocks[used-1].rows = m.blocks[used-1].rows[:rest*m.dimensions]
	}
}

func (m *matrix) row(ordinal uint32) []float32 {
	from := int(ordinal%blockRows) * m.dimensions
	return m.blocks[ordinal/blockRows].rows[from : from+m.dimensions]
}

// scan looks for the allowed rows nearest to a query, a unit vector. best gets them with their cosine
// similarity: at least those that it will keep.
type scan struct {
	query   []float32
	allowed bitset
	best    *top
	of      *search

	quantised quantisedQuery
	coarse    coarseQuery

	room    *room
	widest  float32 // is how far a bound is from its row's score at most
	offered bitset  // has the rows that best was offered
}

// nearest makes the scans by one pass over the rows.
func (m *matrix) nearest(scans ...*scan) {
	if hasKernel {
		m.nearestQuantised(scans)
		return
	}
	for ordinal := range uint32(m.rows) {
		row := m.row(ordinal)
		for _, s := range scans {
			if s.allowed == nil || s.allowed.has(ordinal) {
				s.best.add(candidate{ordinal, float64(dot(s.query, row))})
			}
		}
	}
}

// dot is the inner product, which gonum has in assembly.
func dot(x, y []float32) float32 {
	return gonum.Implementation{}.Sdot(len(x), y, 1, x, 1)
}

// bytes estimates the memory that the matrix holds.
func (m *matrix) bytes() int64 {
	total := int64(0)
	for _, b := range m.blocks {
		z := &b.quantised
		total += int64(cap(b.rows)+cap(z.scales)+cap(z.errors))*4 + int64(cap(z.values)+cap(z.coarse.values))
	}
	return total
}

// reserved is room for the blocks of many rows. Where the processor has to look up the page of every
// fourth row, it takes half as long again to read them all, so the room is on large pages.
type reserved struct {
	dimensions int
	rows       arena[float32]
	values     arena[int8]
	dither     *dither // is nil where there are few rows
	coarse     arena[uint8]
}

// reserve makes room for that many rows.
func reserve(rows, dimensions int) *reserved {
	rows = (rows + blockRows - 1) / blockRows * blockRows
	width := widthOf(dimensions)
	r := &reserved{
		dimensions: dimensions, rows: arena[float32]{left: rows * dimensions}, values: arena[int8]{left: rows * width},
	}
	if hasKernel && rows >= coarseRows {
		r.dither, r.coarse.left = newDither(dimensions), rows*width/2
	}
	return r
}

// block takes the next block from the room.
func (r *reserved) block() block {
	width := widthOf(r.dimensions)
	b := blockIn(r.rows.take(blockRows*r.dimensions), r.values.take(blockRows*width), blockRows)
	if r.dither != nil {
		b.quantised.coarse = newCoarse(r.dither, r.coarse.take(blockRows*width/2))
	}
	return b
}

// arenaBytes is how large the arrays of an arena are. One is freed once no block is in it any more.
const arenaBytes = 32 << 20

// arena hands out parts of large arrays.
type arena[T int8 | uint8 | float32] struct {
	left int // values are not yet in an array
	room []T // is the rest of the last array
}

func (a *arena[T]) take(n int) []T {
	if len(a.room) < n {
		var one T
		a.room = make([]T, max(n, min(a.left, arenaBytes/int(unsafe.Sizeof(one))/n*n)))
		a.left -= len(a.room)
		onLargePages(unsafe.Slice((*byte)(unsafe.Pointer(&a.room[0])), len(a.room)*int(unsafe.Sizeof(one))))
	}
	taken := a.room[:n:n]
	a.room = a.room[n:]
	return taken
}
