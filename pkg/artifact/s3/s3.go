// Package s3 keeps artifacts in a bucket of S3, or of a server that speaks its
// protocol.
//
// The way of a file:
//
//  1. Open reads the address, s3://bucket/prefix, and finds credentials as all of
//     AWS's programs do: environment, files, the role of the machine. Check asks
//     whether the bucket can be used.
//  2. Put sends up to 8 MiB at once, what is longer in parts of 8 MiB, three in
//     flight: 32 MiB of memory whatever the length, up to 78 GiB. A file appears
//     when all of it is there; what breaks off is aborted, at once or, where the
//     program was killed, by a later Sweep.
//  3. Get asks for size and tag. The file is then read as one stream, which goes
//     on where it broke off, or in ranges, and always that very version.
//  4. Presign and the calls of a multipart upload hand out addresses by which
//     others send and fetch bytes themselves.
package s3

import (
	"context"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"
	transfer "github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/salesctl/salesctl/pkg/artifact"
	"github.com/salesctl/salesctl/pkg/fault"
)

const (
	scheme   = "s3://"
	partSize = 8 << 20
	inFlight = 3
	// cleaning is how long the abort of an upload may take when its context ended.
	cleaning = 10 * time.Second
	// dialling is how long one attempt to connect may take.
	dialling = 5 * time.Second
	// elsewhere is the region of servers that know none.
	elsewhere = "us-east-1"
)

// Style is where the bucket's name stands in a URL.
type Style uint8

// The styles.
const (
	Auto    Style = iota // Virtual at AWS, Path elsewhere
	Path                 // https://host/bucket/key
	Virtual              // https://bucket.host/key
)

// Options says how a store is reached. The zero value is AWS with what the
// environment says.
type Options struct {
	Endpoint  string       // URL of another server; empty means AWS, or what AWS_ENDPOINT_URL says
	Region    string       // empty means that of the environment
	Style     Style        // where the bucket's name stands
	SSE       string       // AES256 or aws:kms, asked for with each file; empty means the bucket's own
	KMSKeyID  string       // id of the key for aws:kms; empty means AWS's own
	AccessKey string       // with SecretKey instead of the environment's credentials
	SecretKey string       //
	Token     string       // of a temporary AccessKey
	Client    *http.Client // nil means the SDK's own
}

// Store is a bucket, or what lies below a prefix in it. It is safe for concurrent
// use.
type Store struct {
	api    *s3.Client
	sign   *s3.PresignClient
	upload *transfermanager.Client
	bucket string
	prefix string
	o      Options
}

// Open returns a store over the address s3://bucket/prefix. It does not ask for
// the bucket: Check does, or the first call finds it missing.
func Open(ctx context.Context, uri string, o Options) (*Store, error) {
	bucket, prefix, err := parse(uri)
	if err != nil {
		return nil, err
	}
	if !slices.Contains([]string{"", "AES256", "aws:kms", "aws:kms:dsse"}, o.SSE) || o.KMSKeyID != "" && !strings.HasPrefix(o.SSE, "aws:kms") {
		return nil, fault.New(fault.Config, "%s: encryption %q with key %q is not known", uri, o.SSE, o.KMSKeyID).
			WithHint("it is AES256, or aws:kms with or without a key")
	}
	load := []func(*config.LoadOptions) error{}
	if o.Region != "" {
		load = append(load, config.WithRegion(o.Region))
	}
	if o.AccessKey != "" {
		load = append(load, config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider(o.AccessKey, o.SecretKey, o.Token)))
	}
	c, err := config.LoadDefaultConfig(ctx, load...)
	if err != nil {
		return nil, fault.New(fault.Config, "%s: %w", uri, err)
	}
	if b, ok := c.HTTPClient.(*awshttp.BuildableClient); ok { // 30 s, three times, would outlast who waits for the answer
		c.HTTPClient = b.WithDialerOptions(func(d *net.Dialer) { d.Timeout = dialling })
	}
	if o.Client != nil { // not before: the SDK would want to give it AWS_CA_BUNDLE
		c.HTTPClient = o.Client
	}
	if o.Endpoint == "" && c.BaseEndpoint != nil {
		o.Endpoint = *c.BaseEndpoint
	}
	switch {
	case c.Region == "" && o.Endpoint != "":
		c.Region = elsewhere
	case c.Region == "":
		return nil, fault.New(fault.Config, "%s: the region of the bucket is not known", uri).WithHint("set AWS_REGION")
	}
	if _, err := c.Credentials.Retrieve(ctx); err != nil {
		return nil, errors.Join(ctx.Err(), fault.New(fault.Auth, "%s: no credentials for S3: %w", uri, err).
			WithHint("set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"))
	}
	return newStore(c, bucket, prefix, o), nil
}

func newStore(c aws.Config, bucket, prefix string, o Options) *Store {
	api := s3.NewFromConfig(c, func(s *s3.Options) {
		if o.Endpoint != "" {
			s.BaseEndpoint = aws.String(o.Endpoint)
		}
		s.UsePathStyle = o.Style == Path || o.Style == Auto && o.Endpoint != ""
		s.DisableLogOutputChecksumValidationSkipped = true
	})
	return &Store{
		api: api, bucket: bucket, prefix: prefix, o: o,
		sign: s3.NewPresignClient(api),
		upload: transfermanager.New(api, func(t *transfermanager.Options) {
			t.PartSizeBytes, t.MultipartUploadThreshold, t.Concurrency = partSize, partSize, inFlight
			t.FailTimeout = cleaning
			t.RequestChecksumCalculation = c.RequestChecksumCalculation
		}),
	}
}

// parse takes an address apart. It is no URL: a key may hold any character.
func parse(uri string) (bucket, prefix string, err error) {
	rest, ok := strings.CutPrefix(uri, scheme)
	bucket, prefix, _ = strings.Cut(rest, "/")
	if !ok || bucket == "" || strings.ContainsAny(bucket, "?#@: ") {
		return "", "", fault.New(fault.Config, "%q is no address in S3", uri).WithHint("write s3://bucket/prefix")
	}
	if prefix = strings.Trim(prefix, "/"); prefix != "" {
		prefix, err = artifact.Clean(prefix)
	}
	return bucket, prefix, err
}

// String returns the address.
func (s *Store) String() string { return scheme + path.Join(s.bucket, s.prefix) }

// Sub returns the part of the store below the folder, which can what all of it
// can.
func (s *Store) Sub(folder string) artifact.Store {
	c := *s
	c.prefix = path.Join(s.prefix, folder)
	return &c
}

// key returns the object that a path stands for.
func (s *Store) key(p string) (string, error) {
	c, err := artifact.Clean(p)
	return path.Join(s.prefix, c), err
}

// Put sends the file.
func (s *Store) Put(ctx context.Context, p string, r io.Reader) error {
	key, err := s.key(p)
	if err != nil {
		return err
	}
	from := &source{ctx: ctx, r: r}
	in := &transfermanager.UploadObjectInput{
		Bucket: &s.bucket, Key: &key, Body: from,
		ServerSideEncryption: transfer.ServerSideEncryption(s.o.SSE),
	}
	if s.o.KMSKeyID != "" {
		in.SSEKMSKeyID = &s.o.KMSKeyID
	}
	if t := mime.TypeByExtension(path.Ext(key)); t != "" {
		in.ContentType = &t
	}
	if _, err = s.upload.UploadObject(ctx, in); from.err != nil {
		return from.err // the reason of what the SDK says
	}
	return s.fault(ctx, p, err)
}

// source stops reading when the context is cancelled, keeps the error of what it
// reads, and hides that this may be sought in: the SDK would ask for its length.
type source struct {
	ctx context.Context
	r   io.Reader
	err error // not the end
}

func (s *source) Read(p []byte) (int, error) {
	if s.err = s.ctx.Err(); s.err != nil {
		return 0, s.err
	}
	n, err := s.r.Read(p)
	if err != nil && err != io.EOF { //nolint:errorlint // a reader returns io.EOF itself
		s.err = err
	}
	return n, err
}

// Delete removes the file.
func (s *Store) Delete(ctx context.Context, p string) error {
	key, err := s.key(p)
	if err != nil {
		return err
	}
	// S3 is content with the deletion of what is not there.
	if _, err := s.head(ctx, p, key); err != nil {
		return err
	}
	_, err = s.api.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &s.bucket, Key: &key})
	return s.fault(ctx, p, err)
}

// List reads the folder, a thousand entries a request.
func (s *Store) List(ctx context.Context, folder string) ([]artifact.Entry, error) {
	at := s.prefix
	if folder != "" {
		var err error
		if at, err = s.key(folder); err != nil {
			return nil, err
		}
	}
	if at != "" {
		at += "/"
	}
	pages := s3.NewListObjectsV2Paginator(s.api, &s3.ListObjectsV2Input{Bucket: &s.bucket, Prefix: &at, Delimiter: aws.String("/")})
	var entries []artifact.Entry
	add := func(key string, e artifact.Entry) {
		e.Path = strings.TrimPrefix(key, s.prefix+"/")
		if s.prefix == "" {
			e.Path = key
		}
		// Others may have made objects that no path stands for.
		if c, err := artifact.Clean(e.Path); err == nil && c == e.Path {
			entries = append(entries, e)
		}
	}
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, s.fault(ctx, folder, err)
		}
		for _, p := range page.CommonPrefixes {
			add(strings.TrimSuffix(aws.ToString(p.Prefix), "/"), artifact.Entry{Dir: true})
		}
		for _, o := range page.Contents {
			add(aws.ToString(o.Key), artifact.Entry{Size: aws.ToInt64(o.Size)})
		}
	}
	slices.SortFunc(entries, func(a, b artifact.Entry) int { return strings.Compare(a.Path, b.Path) })
	return entries, nil
}
