package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/salesctl/salesctl/pkg/artifact"
	"github.com/salesctl/salesctl/pkg/fault"
)

// meaning is what an error's code means here.
type meaning struct {
	kind fault.Kind
	what string
	hint string
}

// Hints that several codes share.
const (
	askRights = "allow the user or role to read, write, list and delete in the bucket, and to use its KMS key"
	askKeys   = "check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the profile"
	askAgain  = "get new credentials, for example with aws sso login"
	askRegion = "set AWS_REGION to the region of the bucket"
	askLater  = "try again in a while"
	askUpload = "begin the upload anew"
)

// meanings are the codes of
// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html that have
// one. Those without a body come by the name of their status.
var meanings = map[string]meaning{
	"NoSuchKey":                    {fault.NotFound, "not found", ""},
	"NotFound":                     {fault.NotFound, "not found", ""},
	"NoSuchUpload":                 {fault.NotFound, "the upload is over or was never begun", askUpload},
	"AccessDenied":                 {fault.Auth, "access is denied", askRights},
	"Forbidden":                    {fault.Auth, "access is denied", askRights},
	"AllAccessDisabled":            {fault.Auth, "access is denied", askRights},
	"InvalidAccessKeyId":           {fault.Auth, "the access key is not known", askKeys},
	"SignatureDoesNotMatch":        {fault.Auth, "the secret key is wrong", askKeys},
	"ExpiredToken":                 {fault.Auth, "the credentials have expired", askAgain},
	"ExpiredTokenException":        {fault.Auth, "the credentials have expired", askAgain},
	"TokenRefreshRequired":         {fault.Auth, "the credentials have expired", askAgain},
	"InvalidToken":                 {fault.Auth, "the session token is wrong", askAgain},
	"RequestTimeTooSkewed":         {fault.Auth, "the clock of this machine is wrong", "set it"},
	"PermanentRedirect":            {fault.Config, "the bucket is in another region", askRegion},
	"MovedPermanently":             {fault.Config, "the bucket is in another region", askRegion},
	"AuthorizationHeaderMalformed": {fault.Config, "the bucket is in another region", askRegion},
	"PreconditionFailed":           {fault.Conflict, "it was replaced while it was read", "read it again"},
	"InvalidPart":                  {fault.Invalid, "a part is missing or not the one that was sent", askUpload},
	"InvalidPartOrder":             {fault.Invalid, "the parts are out of order", askUpload},
	"EntityTooSmall":               {fault.Invalid, "a part before the last is shorter than 5 MiB", askUpload},
	"EntityTooLarge":               {fault.Invalid, "it is longer than S3 takes", ""},
	"KeyTooLongError":              {fault.Invalid, "its path is longer than S3 takes", ""},
	"BadDigest":                    {fault.Integrity, "it was damaged on its way", askLater},
	"SlowDown":                     {fault.Unavailable, "S3 takes no more requests now", askLater},
	"ServiceUnavailable":           {fault.Unavailable, "S3 takes no more requests now", askLater},
	"InternalError":                {fault.Unavailable, "S3 has failed", askLater},
	"RequestTimeout":               {fault.Unavailable, "the connection is too slow or was cut", askLater},
}

// fault gives an error of the SDK its kind, a hint and the file's path and
// address.
func (s *Store) fault(ctx context.Context, p string, err error) error {
	if _, ok := errors.AsType[*fault.Error](err); ok || err == nil {
		return err
	}
	if end := ctx.Err(); end != nil {
		return end
	}
	subject := ""
	if p != "" {
		subject = "artifact " + p + " in "
	}
	if m, ok := s.mean(err); ok {
		switch m.kind {
		case fault.Unavailable, fault.Auth, fault.Config:
			err = &artifact.UnusableError{Store: s.String(), What: m.what, Err: err}
		default:
			err = fmt.Errorf("%s: %s: %w", s, m.what, err)
		}
		f := fault.New(m.kind, "%s%w", subject, err)
		if m.hint != "" {
			f = f.WithHint("%s", m.hint)
		}
		return f
	}
	var api smithy.APIError
	if errors.As(err, &api) {
		if api.ErrorCode() == "NoSuchBucket" {
			return s.noBucket(err)
		}
		return fault.New(fault.Failure, "%s%s: %w", subject, s, err)
	}
	return err // of the one who gives or takes the bytes
}

func (s *Store) mean(err error) (meaning, bool) {
	var api smithy.APIError
	var status *awshttp.ResponseError
	switch {
	case errors.As(err, &api):
		if m, ok := meanings[api.ErrorCode()]; ok {
			return m, true
		}
		if strings.HasPrefix(api.ErrorCode(), "KMS.") {
			return meaning{fault.Auth, "the key of its encryption cannot be used", askRights}, true
		}
		fallthrough
	case errors.As(err, &status):
		if errors.As(err, &status) && status.HTTPStatusCode() >= http.StatusInternalServerError {
			return meaning{fault.Unavailable, "S3 has failed", askLater}, true
		}
	}
	if isAway(err) {
		return s.away(), true
	}
	return meaning{}, false
}

// away is the meaning of no answer.
func (s *Store) away() meaning {
	at := ""
	if s.o.Endpoint != "" {
		at = " " + s.o.Endpoint
	}
	return meaning{fault.Unavailable, "S3 cannot be reached", "check the endpoint" + at + ", and that this machine reaches it"}
}

// isAway reports whether no answer came, or not all of it.
func isAway(err error) bool {
	var send *smithyhttp.RequestSendError
	var op *net.OpError
	return errors.As(err, &send) || errors.As(err, &op) || errors.Is(err, io.ErrUnexpectedEOF)
}

func isMissing(err error) bool {
	var status *awshttp.ResponseError
	return errors.As(err, &status) && status.HTTPStatusCode() == http.StatusNotFound
}

func (s *Store) noBucket(err error) error {
	unusable := &artifact.UnusableError{Store: s.String(), What: "there is no bucket " + s.bucket, Err: err}
	return fault.New(fault.Config, "%w", unusable).
		WithHint("create it, or check its name, the endpoint and AWS_REGION")
}
