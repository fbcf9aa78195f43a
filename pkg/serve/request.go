package serve

import (
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"strings"
)

// maxBody is how many bytes of a body are read; maxDrain is how many more are
// thrown away, so that a client that only reads after it has written sees the
// 413 rather than a broken pipe.
const (
	maxBody  = 1 << 20
	maxDrain = 8 << 20
)

// readAll reads the body, which may be empty.
func readAll(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return nil, errUnreadable
	}
	if len(body) > maxBody {
		_, _ = io.CopyN(io.Discard, r.Body, maxDrain)
		return nil, &statusError{http.StatusRequestEntityTooLarge, "the request body is over 1 MiB"}
	}
	return body, nil
}

// bodySource reads an object from the body, FastAPI's way: a body that is not
// declared as JSON is a mere text.
func bodySource(body []byte, contentType string) (source, error) {
	if len(body) == 0 {
		return source{}, invalid("missing", "Field required", nil, "body")
	}
	var v any = validText(string(body))
	if isJSON(contentType) {
		var err error
		if v, err = parseJSON(body); err != nil {
			return source{}, unreadable(err)
		}
	}
	members, ok := v.(map[string]any)
	if !ok {
		return source{}, invalid("model_attributes_type",
			"Input should be a valid dictionary or object to extract fields from", v, "body")
	}
	return source{part: "body", values: members, whole: v}, nil
}

// unreadable is FastAPI's error for broken JSON.
func unreadable(err error) error {
	e, ok := errors.AsType[*syntaxError](err)
	if !ok {
		return err
	}
	return &validationError{[]detail{{
		Type: "json_invalid", Loc: []any{"body", e.at}, Msg: "JSON decode error",
		Input: struct{}{}, Ctx: map[string]any{"error": e.msg},
	}}}
}

// isJSON tells whether a content type means JSON: application/json or +json,
// with exactly one slash, whatever its parameters.
func isJSON(contentType string) bool {
	media, _, _ := strings.Cut(contentType, ";")
	kind, sub, _ := strings.Cut(strings.ToLower(strings.TrimSpace(media)), "/")
	return kind == "application" && !strings.Contains(sub, "/") && (sub == "json" || strings.HasSuffix(sub, "+json"))
}

// querySource reads a query as Python's urllib does: the last value of a name
// counts, a name without a value is empty, an escape that is none stays as it
// is. net/url would leave such pairs out.
func querySource(query string) source {
	values := map[string]any{}
	for pair := range strings.SplitSeq(query, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		values[unescape(name)] = unescape(value)
	}
	return source{part: "query", values: values}
}

// unescape undoes percent and plus.
func unescape(s string) string {
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+3 <= len(s) {
			if char, err := hex.DecodeString(s[i+1 : i+3]); err == nil {
				out.WriteByte(char[0])
				i += 2
				continue
			}
		}
		if s[i] == '+' {
			out.WriteByte(' ')
			continue
		}
		out.WriteByte(s[i])
	}
	return validText(out.String())
}

// validText puts U+FFFD for each byte that is not UTF-8.
func validText(s string) string { return string([]rune(s)) }
