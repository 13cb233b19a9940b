"""The errors of providers as they word them: an empty account, the reason on one line, the remedy.

The sentences are shortened from what each provider documents or its users quote.
"""

import time

from kidney_evals.provider_errors import (
    explained,
    is_out_of_credit,
    most_frequent,
    reason_of,
    remedy_for,
    signature_of,
    status_of,
)

OUT_OF_CREDIT = (
    "Error code: 402 - {'error': {'message': 'You can only afford 10114 tokens.', 'code': 402}}",
    "Error code: 402 - {'error': {'message': 'Insufficient Balance', 'code': 'invalid_request'}}",
    "Error code: 400 - {'error': {'message': 'Your credit balance is too low to access the API.'}}",
    "Error code: 400 - {'error': {'message': 'You have reached your specified API usage limits.'}}",
    "Error code: 429 - {'error': {'message': 'Exceeded.', 'code': 'insufficient_quota'}}",
    "Error code: 429 - {'error': {'message': 'No.', 'code': 'billing_hard_limit_reached'}}",
    "Error code: 429 - {'error': {'message': 'You exceeded your current quota, please check your "
    "plan and billing details.'}}",
    "429 Your team has either used all available credits or reached its monthly spending limit.",
    "Error code: 412 - {'error': {'message': 'Account x is suspended, possibly due to reaching the "
    "monthly spending limit or failure to pay past invoices.'}}",
    "Error code: 400 - {'error': {'message': 'Credit limit exceeded.', 'type': 'credit_limit'}}",
    "429 RESOURCE_EXHAUSTED. {'error': {'message': 'Your prepayment credits are depleted.'}}",
    "429 RESOURCE_EXHAUSTED. {'error': {'message': 'Project exceeded its monthly spending cap.'}}",
    "403 PERMISSION_DENIED. {'error': {'message': 'This API requires billing to be enabled.'}}",
    "Error code: 400 - {'code': 'Arrearage', 'message': 'Access denied.'}",
    "Error code: 400 - {'error': 'You have exceeded your monthly included credits.'}",
    "Error code: 403 - {'error': {'message': 'Key limit exceeded (monthly limit).'}}",
    "Error code: 429 - {'error': {'message': 'Suspended, please check your plan and billing "
    "details', 'type': 'exceeded_current_quota_error'}}",
    "Error code: 400 - {'error': {'message': 'Budget has been exceeded! Max budget: 1.0'}}",
    "Error code: 403 - {'message': 'You have run out of credits. Please top up your account.'}",
    "Error code: 400 - {'error': {'message': 'Blocked', 'code': 'spend_limit_reached'}}",
    "(AccessDeniedException) INVALID_PAYMENT_INSTRUMENT: a valid instrument must be provided.",
    "Error code: 429 - {'message': 'Your Trial key is limited to 1000 API calls / month.'}",
    "Error code: 400 - {'error': {'message': 'Your account does not have sufficient funds.'}}",
    "Error code: 400 - {'error': {'message': 'You have exceeded your budget.'}}",
    "Error code: 403 - {'error': {'message': 'Your wallet is empty'}}",
    "Error code: 403 - {'error': {'message': 'Please add a payment method to continue'}}",
    "Error code: 429 - {'error': {'message': 'Organization usage limit for this month reached'}}",
    "Error code: 403 - {'message': 'The free tier of the model has been exhausted.'}",
    "Error code: 400 - {'error': {'message': 'Your subscription has expired'}}",
    "Error code: 400 - {'error': {'message': '账户余额不足'}}",
)

NOT_OUT_OF_CREDIT = (
    "Error code: 429 - {'error': {'message': 'Rate limit reached on tokens per min (TPM): Limit "
    "30000, Used 29500. Please try again in 800ms.', 'code': 'rate_limit_exceeded'}}",
    "Error code: 429 - {'error': {'message': 'Rate limit reached. Please add a payment method to "
    "your account to increase your rate limit: https://x.com/account/billing.'}}",
    "429 Rate limit reached on tokens per day (TPD): Limit 100000. Please try again in 9m38s. Need "
    "more tokens? Upgrade to Dev Tier at https://console.x.com/settings/billing",
    "429 RESOURCE_EXHAUSTED. {'error': {'message': 'You exceeded your current quota, please check "
    "your plan and billing details.', 'details': [{'quotaId': 'RequestsPerMinutePerProject'}]}}",
    "Error code: 429 - {'error': {'message': 'This would exceed the rate limit for your "
    "organization of 40,000 input tokens per minute. Contact sales to discuss a rate limit.'}}",
    "Error code: 429 - {'message': 'Your Trial key is limited to 10 API calls / minute. Continue "
    "to use the Trial key for free or upgrade to a Production key with higher rate limits'}",
    "Error code: 529 - {'error': {'type': 'overloaded_error', 'message': 'Overloaded'}}",
    "Error code: 429 - {'message': 'Service tier capacity exceeded for this model.'}",
    "Error code: 400 - {'error': {'message': 'The maximum context length is 8192 tokens'}}",
    "Error code: 400 - {'error': {'message': 'thinking budget exceeded the maximum of 1024'}}",
    "Error code: 401 - {'error': {'message': 'Incorrect API key provided.'}}",
    "Error code: 500 - {'error': {'message': 'The server had an error.'}}",
)


def test_an_empty_account_is_told_from_a_crowded_minute() -> None:
    for error in OUT_OF_CREDIT:
        assert is_out_of_credit(error), error
        assert "Add credit or raise the limit" in remedy_for(error)
    for error in NOT_OUT_OF_CREDIT:
        assert not is_out_of_credit(error), error


EXPLAINED = {
    "Error code: 400 - {'message': 'top_logprobs must be between 1 and 8.'}": (
        "top_logprobs must be between 1 and 8. Run with `--top-logprobs 8`."
    ),
    "Error code: 418 - {'message': 'No answer from https://me:pw@host/v1?user=1&api_key=hush'}": (
        "No answer from https://…@host/v1?user=1&…"
    ),
    '\nRequest:\n{\n "error": {"message": "of the prompt"}\n}\n\nBadRequestError("Error code: '
    "400 - {'error': {'message': \\\"Unsupported parameter: 'temperature'\\\"}}\")": (
        "Unsupported parameter: 'temperature'. Leave `--temperature` unset, or set a value that "
        "the model takes."
    ),
    "Error code: 401 - {'error': {'message': 'Incorrect API key provided: sk-proj-1234****89.'}}": (
        "Incorrect API key provided: … Check the key in X_KEY."
    ),
    "400 INVALID_ARGUMENT. {'error': {'code': 400, 'message': 'API key expired.'}}": (
        "API key expired. Check the key in X_KEY."
    ),
    'API error occurred: Status 401\n{"message":"Unauthorized"}': (
        "Unauthorized. Check the key in X_KEY."
    ),
    "Error code: 404 - {'error': {'message': 'The model `x` does not exist.'}}": (
        "The model `x` does not exist. Check the model's name, and the base URL where you set one."
    ),
    "Error code: 400 - {'error': {'message': 'a/b is not a valid model ID', 'code': 400}}": (
        "a/b is not a valid model ID. Check the model's name, and the base URL where you set one."
    ),
    "Error code: 400 - {'message': 'Requested sample logprobs of 20, which is greater than max "
    "allowed: 5'}": (
        "Requested sample logprobs of 20, which is greater than max allowed: 5. Run with "
        "`--top-logprobs 5`."
    ),
    "400 INVALID_ARGUMENT. {'error': {'message': 'Logprobs is not supported for this model.'}}": (
        "Logprobs is not supported for this model. This model gives no log-probabilities here: "
        "run with `-T readout=sample` and leave `--logprobs` and `--top-logprobs` unset."
    ),
    "Error code: 400 - {'error': {'message': \"'response_format' is not supported.\"}}": (
        "'response_format' is not supported. This model takes no JSON schema: run with "
        "`-T channel=text`."
    ),
    "Error code: 404 - {'error': {'message': 'No endpoints found that support tool use.'}}": (
        "No endpoints found that support tool use. This model takes no tools: run with "
        "`-T channel=text`."
    ),
    "Error code: 400 - {'error': {'message': 'Developer instruction is not enabled'}}": (
        "Developer instruction is not enabled. This model takes no system message: leave "
        "`-T system_prompt` unset."
    ),
    "Error code: 400 - {'error': {'message': 'Provider returned error', 'metadata': {'raw': "
    '\'{"error": {"message": "top_k: not permitted"}}\'}}}': (
        "Provider returned error: top_k: not permitted. Leave `--top-k` unset, or set a value that "
        "the model takes."
    ),
    "Error code: 404 - <!DOCTYPE html><html><title>404 Not Found</title><p>x</html>": (
        "a web page instead of an answer: 404 Not Found. Check the model's name, and the base URL "
        "where you set one."
    ),
    "Error code: 403 - {'error': {'message': 'Country, region, or territory not supported'}}": (
        "Country, region, or territory not supported. Check that the key in X_KEY may use this "
        "model from here."
    ),
    "CUDA out of memory": "CUDA out of memory.",
    "": "no reason given.",
}


def test_reason_and_remedy_stand_on_one_line() -> None:
    for error, line in EXPLAINED.items():
        assert explained(error, key="X_KEY") == line


def test_errors_of_one_cause_are_counted_together() -> None:
    errors = [f"Error code: 400 - {{'message': 'No room for req_{place}.'}}" for place in range(4)]
    assert len({signature_of(one) for one in errors}) == 1
    assert most_frequent([None, "other", *errors]) == (
        "5 samples ended in an error, 4 of them with No room for req_0."
    )
    assert most_frequent([None, ""]) == ""


def test_a_status_is_read_from_the_text() -> None:
    for error, status in {
        "Error code: 503 - Overloaded": 503,
        "status_code: 401, body: {}": 401,
        "API error occurred: Status 422\n{}": 422,
        "429 RESOURCE_EXHAUSTED.": 429,
        "{'code': 402}": 402,
        "no status in 1024 tokens": None,
    }.items():
        assert status_of(error) == status


def test_a_huge_error_takes_no_time() -> None:
    started = time.process_time()
    for text in ("{'message': '" * 200_000, "<p>a</p>" * 300_000, "credits " * 300_000):
        assert len(reason_of(text)) <= 300
        is_out_of_credit(text)
    assert time.process_time() - started < 2
