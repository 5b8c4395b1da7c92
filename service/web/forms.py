"""Forms as browsers send them."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

from service.domain.refusals import Malformed, TooLarge, UnsupportedContent, shown
from service.web.sessions import AnyRequest
from service.web.site import Site

MEDIA_TYPE = "application/x-www-form-urlencoded"
FORM_BYTES_MAX = 1024 * 1024
FIELDS_MAX = 1_000


async def read_form(request: AnyRequest, site: Site) -> Mapping[str, str]:
    """
    The fields of a form, each once.

    Raises:
        UnsupportedContent: it is announced as something else.
        TooLarge: more than FORM_BYTES_MAX.
        Malformed: it is no form, stopped coming, or says one thing twice.
    """
    announced = request.headers.get("content-type", "")
    if announced.partition(";")[0].strip().lower() != MEDIA_TYPE:
        raise UnsupportedContent(
            f"The content type {shown(announced)} is not taken; send '{MEDIA_TYPE}'."
        )
    body = await site.read_body(request)
    if len(body) > FORM_BYTES_MAX:
        raise TooLarge(f"The form is too large; the limit is {FORM_BYTES_MAX // 1024 // 1024} MiB.")
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(body),
            errors="strict",
            max_num_fields=FIELDS_MAX,
        )
    except ValueError as exc:
        raise Malformed("The body is no form; send fields as browsers do.") from exc
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise Malformed("The form says one thing twice.")
    return fields
