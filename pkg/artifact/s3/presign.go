package s3

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/salesctl/salesctl/pkg/artifact"
	"github.com/salesctl/salesctl/pkg/fault"
)

const (
	longest  = 7 * 24 * time.Hour // that a signature may hold
	sending  = time.Hour          // that the parts of an upload have
	maxParts = 10_000             // https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
)

// Presign returns an address by which anybody can fetch the file for a while. It
// does not look whether the file is there.
func (s *Store) Presign(ctx context.Context, p string, valid time.Duration) (artifact.Address, error) {
	key, err := s.key(p)
	if err != nil {
		return artifact.Address{}, err
	}
	if valid < time.Second || valid > longest {
		return artifact.Address{}, fault.New(fault.Usage, "an address in S3 is valid from 1 second to 7 days, not %s", valid)
	}
	r, err := s.sign.PresignGetObject(ctx, &s3.GetObjectInput{Bucket: &s.bucket, Key: &key}, s3.WithPresignExpires(valid))
	if err != nil {
		return artifact.Address{}, s.fault(ctx, p, err)
	}
	return address(r), nil
}

// address leaves out the header that every client sends by itself.
func address(r *v4.PresignedHTTPRequest) artifact.Address {
	a := artifact.Address{URL: r.URL, Headers: map[string]string{}}
	for name := range r.SignedHeader {
		if http.CanonicalHeaderKey(name) != "Host" {
			a.Headers[name] = r.SignedHeader.Get(name)
		}
	}
	return a
}

// CreateMultipart begins an upload of so many parts, for an hour. All but the last
// have at least 5 MiB.
func (s *Store) CreateMultipart(ctx context.Context, p string, parts int) (string, []artifact.Address, error) {
	key, err := s.key(p)
	if err != nil {
		return "", nil, err
	}
	if parts < 1 || parts > maxParts {
		return "", nil, fault.New(fault.Usage, "an upload to S3 has 1 to %d parts, not %d", maxParts, parts)
	}
	in := &s3.CreateMultipartUploadInput{Bucket: &s.bucket, Key: &key, ServerSideEncryption: types.ServerSideEncryption(s.o.SSE)}
	if s.o.KMSKeyID != "" {
		in.SSEKMSKeyId = &s.o.KMSKeyID
	}
	out, err := s.api.CreateMultipartUpload(ctx, in, plain)
	if err != nil {
		return "", nil, s.fault(ctx, p, err)
	}
	id := aws.ToString(out.UploadId)
	to := make([]artifact.Address, parts)
	for i := range to {
		r, err := s.sign.PresignUploadPart(ctx, &s3.UploadPartInput{Bucket: &s.bucket, Key: &key, UploadId: &id, PartNumber: aws.Int32(int32(i + 1))},
			s3.WithPresignExpires(sending), s3.WithPresignClientFromClientOptions(plain))
		if err != nil {
			return "", nil, s.fault(ctx, p, err)
		}
		to[i] = address(r)
	}
	return id, to, nil
}

// plain asks for no checksum of a part: who sends it knows nothing of it.
func plain(o *s3.Options) { o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired }

// CompleteMultipart makes the file of its parts, in the order of their numbers.
func (s *Store) CompleteMultipart(ctx context.Context, p, id string, parts []artifact.Part) error {
	key, err := s.key(p)
	if err != nil {
		return err
	}
	parts = slices.SortedFunc(slices.Values(parts), func(a, b artifact.Part) int { return a.Number - b.Number })
	done := make([]types.CompletedPart, len(parts))
	for i, part := range parts {
		if part.Number < 1 || part.Number > maxParts {
			return fault.New(fault.Usage, "part %d of an upload to S3 is not of 1 to %d", part.Number, maxParts)
		}
		done[i] = types.CompletedPart{PartNumber: aws.Int32(int32(part.Number)), ETag: aws.String(part.ETag)}
	}
	_, err = s.api.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{Bucket: &s.bucket, Key: &key, UploadId: &id,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: done}}, plain)
	return s.fault(ctx, p, err)
}

// AbortMultipart drops the parts that were sent.
func (s *Store) AbortMultipart(ctx context.Context, p, id string) error {
	key, err := s.key(p)
	if err != nil {
		return err
	}
	_, err = s.api.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &s.bucket, Key: &key, UploadId: &id})
	return s.fault(ctx, p, err)
}
