package vector

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEncodeIsLittleEndian(t *testing.T) {
	got := Encode([]float32{1, -2.5, 0})
	want := []byte{0, 0, 0x80, 0x3f, 0, 0, 0x20, 0xc0, 0, 0, 0, 0}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := Encode(nil); len(got) != 0 {
		t.Errorf("no vector is encoded as %x", got)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(Encode([]float32{1, float32(math.NaN()), float32(math.Inf(-1)), math.SmallestNonzeroFloat32}))
	f.Add([]byte{1, 2, 3})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := Decode(b)
		if (err == nil) != (len(b)%4 == 0) {
			t.Fatalf("%d bytes: %v", len(b), err)
		}
		if err != nil {
			return
		}
		if diff := cmp.Diff(b, Encode(v)); diff != "" && len(b) > 0 {
			t.Fatalf("encoded again (-want +got):\n%s", diff)
		}
	})
}

func TestFinite(t *testing.T) {
	for _, test := range []struct {
		name string
		v    []float32
		want bool
	}{
		{"none", nil, true},
		{"the largest and the smallest", []float32{math.MaxFloat32, -math.MaxFloat32, math.SmallestNonzeroFloat32, 0}, true},
		{"NaN", []float32{1, float32(math.NaN())}, false},
		{"infinity", []float32{float32(math.Inf(1)), 1}, false},
		{"minus infinity", []float32{float32(math.Inf(-1))}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := Finite(test.v); got != test.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestUnit(t *testing.T) {
	for _, test := range []struct {
		name    string
		v, want []float32
	}{
		{"scaled down", []float32{3, 4}, []float32{0.6, 0.8}},
		{"scaled up", []float32{0, -1e-30}, []float32{0, -1}},
		{"a zero vector has no direction", []float32{0, 0}, []float32{0, 0}},
		{"of length 1 but for rounding", []float32{0.6000002, 0.8}, []float32{0.6000002, 0.8}},
		{"of length 1 but for more than that", []float32{0.600002, 0.8}, []float32{0.6000013, 0.79999906}},
		{"none", nil, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := append([]float32(nil), test.v...)
			if diff := cmp.Diff(test.want, Unit(test.v)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(before, test.v); diff != "" {
				t.Errorf("the argument was changed: %s", diff)
			}
		})
	}
}

// A vector that was normalised is never changed by normalising it again, and has length 1.
func TestNormaliseIsIdempotent(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, dimensions := range []int{1, 2, 3, 32, 1024, 4096} {
		for range 200 {
			v := make([]float32, dimensions)
			for i := range v {
				v[i] = float32(random.NormFloat64() * math.Exp(10*random.Float64()-5))
			}
			once := Unit(v)
			if diff := cmp.Diff(once, Unit(once)); diff != "" {
				t.Fatalf("%d dimensions (-once +twice):\n%s", dimensions, diff)
			}
			if norm := Norm(once); math.Abs(norm-1) > unitTolerance {
				t.Fatalf("%d dimensions: length %v", dimensions, norm)
			}
		}
	}
}

func TestCosine(t *testing.T) {
	for _, c := range []struct {
		a, b []float32
		want float64
	}{
		{[]float32{3, 4}, []float32{6, 8}, 1},
		{[]float32{1, 0}, []float32{0, 2}, 0},
		{[]float32{1, 0}, []float32{-1, 0}, -1},
		{[]float32{1, 1}, []float32{1, 0}, math.Sqrt(0.5)},
		{[]float32{0, 0}, []float32{1, 0}, 0},
		{[]float32{1, 0}, []float32{1, 0, 0}, 0},
	} {
		if got := Cosine(c.a, c.b); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("the cosine of %v and %v is %v, want %v", c.a, c.b, got, c.want)
		}
	}
}
