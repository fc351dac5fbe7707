"""What AWS's own errors become for the operator."""

from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError

from sluice.failures import NO_CREDENTIALS, Failure, aws_failure


def client_error(code: str) -> ClientError:
    """AWS's refusal of PutParameter with *code*."""
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "PutParameter")


def test_credentials_that_aws_does_not_know_are_named_as_the_cause() -> None:
    """With the command that says whose they are; any other refusal is told as it is."""
    foreign, other = aws_failure(client_error("ExpiredToken")), aws_failure(client_error("AccessDeniedException"))

    assert foreign.code == other.code == 1
    assert foreign.text.endswith("See whose they are: aws sts get-caller-identity")
    assert other.text == str(client_error("AccessDeniedException"))


def test_where_nobody_was_asked_the_exit_code_says_why() -> None:
    """No credentials is a mistake of the line's, an endpoint that is silent is not."""
    silent = EndpointConnectionError(endpoint_url="http://127.0.0.1:1")

    assert aws_failure(NoCredentialsError()) == Failure(NO_CREDENTIALS, 2)
    assert aws_failure(silent) == Failure(str(silent), 3)
