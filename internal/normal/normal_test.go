package normal_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/dynamoslog/dynamoslog/internal/normal"
)

var normalTests = []struct{ name, in, normal, shape string }{
	{"empty", "", "", ""},
	{"plain", "Starting workout generation", "Starting workout generation", "Starting workout generation"},
	{"RFC 3339", "at 2026-11-22T16:41:41Z", "at TIME", "at TIME"},
	{"fraction", "at 2026-11-22T16:41:41.407123Z.", "at TIME.", "at TIME."},
	{"zone", "(2026-11-22T16:41:41.4+01:00)", "(TIME)", "(TIME)"},
	{"zone without colon", "2026-11-22T16:41:41-0500", "TIME", "TIME"},
	{"space", "2026-11-22 16:41:41,407 ok", "TIME ok", "TIME ok"},
	{"time.Time", "now 2026-11-22 16:41:41.407123 +0100 CET m=+0.012345 ok", "now TIME ok", "now TIME ok"},
	{"UTC", "now 2026-11-22 16:41:41.4 +0000 UTC, ok", "now TIME, ok", "now TIME, ok"},
	{"log package", "2026/11/22 16:41:41 started", "TIME started", "TIME started"},
	{"date", "due 2026-11-22", "due TIME", "due TIME"},
	{"date in a name", "backup-2026-11-22.tar", "backup-TIME.tar", "backup-TIME.tar"},
	{"no date", "part 2026-13-22", "part 2026-13-22", "part N-N-N"},
	{"time of day", "16:41:41.407 started", "TIME started", "TIME started"},
	{"minutes", "at 16:41: started", "at TIME: started", "at TIME: started"},
	{"kitchen", "at 4:05PM", "at TIME", "at TIME"},
	{"no time of day", "ratio 16:9, 99:30, 1:2:3", "ratio 16:9, 99:30, 1:2:3", "ratio N:N, N:N, N:N:N"},
	{"story id", "continues 2026-11-22T16:41:41.407123Z-7f3k2m", "continues ID", "continues N"},
	{"second story id", "2026-11-22T16:41:41.407123Z-abcdef-2 ended", "ID ended", "N ended"},
	{"word after time", "2026-11-22T16:41:41Z-failed", "TIME-failed", "TIME-failed"},

	{"HTTP date", "since Wed, 25 Nov 2026 16:41:41 GMT ok", "since TIME ok", "since TIME ok"},
	{"HTTP date with offset", "Wed, 25 Nov 2026 16:41:41 +0100", "TIME", "TIME"},
	{"RFC 850", "Wednesday, 25-Nov-2026 16:41:41 GMT", "TIME", "TIME"},
	{"ANSIC", "at Wed Nov  5 16:41:41 2026.", "at TIME.", "at TIME."},
	{"date command", "Wed Nov 25 16:41:41 CET 2026", "TIME", "TIME"},
	{"syslog", "Nov 25 16:41:41 host", "TIME host", "TIME host"},
	{"named date", "due November 25, 2026, or 3 May 2026", "due TIME, or TIME", "due TIME, or TIME"},
	{"no named date", "May 5 rows, 3 Mar, Wed 12", "May 5 rows, 3 Mar, Wed 12", "May N rows, N Mar, Wed N"},

	{"duration", "took 1m30.5s", "took DURATION", "took DURATION"},
	{"micro", "took 156µs, 7μs, 3us.", "took DURATION, DURATION, DURATION.", "took DURATION, DURATION, DURATION."},
	{"zero", "took 0s", "took DURATION", "took DURATION"},
	{"negative", "skew=-1.5ms", "skew=-DURATION", "skew=-DURATION"},
	{"unit apart", "took 350 ms, 1.2 seconds", "took DURATION, DURATION", "took DURATION, DURATION"},
	{"no unit", "3 men, 4 months, 5D, 1st, 2nd", "3 men, 4 months, 5D, 1st, 2nd", "N men, N months, ND, Nst, Nnd"},
	{"name after a number", "rows=5 ms=12", "rows=5 ms=12", "rows=N ms=N"},
	{"name with unit", "p99_5m and 5m_rate", "p99_5m and 5m_rate", "pN_Nm and Nm_rate"},

	{"UUID", "job 550e8400-e29b-41d4-a716-446655440000 done", "job ID done", "job N done"},
	{"upper UUID", "job=550E8400-E29B-41D4-A716-446655440000", "job=ID", "job=N"},
	{"UUID after a word", "req-550e8400-e29b-41d4-a716-446655440000", "req-ID", "req-N"},
	{"UUID of letters first", "fa0e8400-e29b-41d4-a716-446655440000", "ID", "N"},
	{"hex", "commit 71b8839f", "commit ID", "commit N"},
	{"trace", "trace 4bf92f3577b34da6a3ce929d0e0e4736", "trace ID", "trace N"},
	{"traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "00-ID-ID-01", "N-N-N-N"},
	{"ULID", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "ID", "N"},
	{"base 36", "order 9x8k2m4q", "order ID", "order N"},
	{"pod", "api-7d4b9c6f5d-x2x9z", "api-ID-x2x9z", "api-N-xNxNz"},
	{"pointer", "at 0xc0000140a0", "at ID", "at N"},
	{"short hash", "at 54185b0, a1b2c3", "at ID, ID", "at N, N"},
	{"hex number", "flags 0x1f", "flags 0x1f", "flags N"},
	{"date in a word", "backup20261122", "backupID", "backupN"},

	{"number", "42 rows", "42 rows", "N rows"},
	{"long number", "user 100042", "user ID", "user N"},
	{"long number in a key", "user_100042", "user_ID", "user_N"},
	{"path", "/users/98765/orders/3", "/users/ID/orders/3", "/users/N/orders/N"},
	{"decimal", "3.14159 of 0.5", "3.14159 of 0.5", "N of N"},
	{"epoch", "1763829701.407", "ID", "N"},
	{"groups", "1,234,567 rows of 9,5", "1,234,567 rows of 9,5", "N rows of N,N"},
	{"version", "v1.2.3, go1.26.8, 1.2.3-rc1", "v1.2.3, go1.26.8, 1.2.3-rc1", "vN, goN, N-rcN"},
	{"IP", "10.0.3.17", "10.0.3.17", "N"},
	{"IP and port", "10.0.3.17:52344 and 127.0.0.1:8080", "10.0.3.17:ID and 127.0.0.1:8080", "N:N and N:N"},
	{"host and port", "localhost:8080, [::1]:443", "localhost:8080, [::1]:443", "localhost:N, [::N]:N"},
	{"MAC", "12:34:56:78:9a:bc", "12:34:56:78:9a:bc", "N:N:N:N:Na:bc"},
	{"file", "order.go:42:10", "order.go:42:10", "order.go:N:N"},
	{"percent", "99.5% of 100%", "99.5% of 100%", "N% of N%"},

	{"sentence", "Stored 3 of 4; the rest (2) waits.", "Stored 3 of 4; the rest (2) waits.", "Stored N of N; the rest (N) waits."},
	{"sentence of an id", "Gone: 71b8839f. Next?", "Gone: ID. Next?", "Gone: N. Next?"},
	{"other scripts", "Größe 12345, 完了 7", "Größe ID, 完了 7", "Größe N, 完了 N"},
	{"no UTF-8", "\xff12345\xfe", "\xffID\xfe", "\xffN\xfe"},
}

func TestText(t *testing.T) {
	for _, tt := range normalTests {
		t.Run(tt.name, func(t *testing.T) {
			if got := normal.Text(tt.in); got != tt.normal {
				t.Errorf("Text(%q): got %q, want %q", tt.in, got, tt.normal)
			}
			if got := normal.Shape(tt.in); got != tt.shape {
				t.Errorf("Shape(%q): got %q, want %q", tt.in, got, tt.shape)
			}
		})
	}
}

// Names hold digits too.
func TestTextLeavesNames(t *testing.T) {
	const names = `utf8 utf16le utf8mb4 utf8mb4_bin base64 base64url sha256 SHA256 sha256sum sha512 md5 crc32
		http2 HTTP/1.1 h2c S3 s3://bucket EC2 k8s i18n x509 p256 ed25519 curve25519 x86_64 amd64 arm64v8 int64 float32
		ipv4 IPv6 ISO8601 RFC3339 rfc3339nano postgres16 windows2019 log4j2 oauth2 v1alpha1 v2beta2 gpt4 mp3 h264 USB3
		us-east-1 t3.micro db.r6g.2xlarge eu-central-1a section-12 step_3 web01 node12 Q3 3D 4K A4 deadbeef feedback facade`
	for name := range strings.FieldsSeq(names) {
		if got := normal.Text(name); got != name {
			t.Errorf("Text(%q): got %q, want it as it is", name, got)
		}
	}
}

// Whatever the length of a number or the letters in an id, the shape is the same.
func TestShapeIsOneForAStatement(t *testing.T) {
	for _, alike := range [][]string{
		{"stored 7 rows", "stored 99999 rows", "stored 1,234,567 rows", "stored 0.5 rows"},
		{"request 71b8839f", "request 12345678", "request 0"},
		{"took 3s", "took 1m0.5s", "took 350 ms"},
		{"dial 10.0.3.17:52344", "dial 10.0.3.18:80"},
	} {
		want := normal.Shape(alike[0])
		for _, s := range alike {
			if got := normal.Shape(s); got != want {
				t.Errorf("Shape(%q): got %q, want %q as of %q", s, got, want, alike[0])
			}
		}
	}
}

func FuzzText(f *testing.F) {
	for _, tt := range normalTests {
		f.Add(tt.in)
	}
	for _, s := range []string{
		"12345:12:30:45", "12:30:12345", "2026-11-221234", "12345.x.5s", "1.2.5s", "123456abc", "abc123456d1", "0x123456z",
		"2026-11-22 16:41:41 +0000 12345", "16:41:41-0512345", "5s5_", "5 ms_", "2026-11-22T", "1:", "12:30:", "0:00:00,000A0000", "16:41:41Z-", "0.",
		"Nov 1 Nov 1 2026", "1 Nov 2026 1 Nov 2026", "12345 Nov 2026", "Wed, Nov 25", "25-Nov-2026-12345", "Mon 1 Jan 2026 00:00 AAA",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		text, shape := normal.Text(s), normal.Shape(s)
		if again := normal.Text(text); again != text {
			t.Errorf("Text(%q): got %q, and of that %q", s, text, again)
		}
		if strings.ContainsAny(shape, "0123456789") {
			t.Errorf("Shape(%q): got %q, want no digit", s, shape)
		}
		if utf8.ValidString(s) && (!utf8.ValidString(text) || !utf8.ValidString(shape)) {
			t.Errorf("Text, Shape(%q): got %q, %q, want valid UTF-8", s, text, shape)
		}
	})
}

// BenchmarkShape measures one message of each kind in the table.
func BenchmarkShape(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		for i := range normalTests {
			normal.Shape(normalTests[i].in)
		}
	}
}
