// Bundled for Chromium: window.openForm transforms an XForm as Enketo's server does and opens it.
import { Form } from "enketo-core";
import { transform } from "enketo-transformer/web";

window.openForm = async (xform, external) => {
  const { form, model, languageMap } = await transform({ xform, media: {} });
  document.body.replaceChildren(document.createRange().createContextualFragment(form));
  const instances = external.map(({ id, xml }) => ({
    id,
    xml: new DOMParser().parseFromString(xml, "text/xml"),
  }));
  const opened = new Form(document.querySelector("form.or"), { modelStr: model, external: instances });
  return { errors: opened.init(), languages: Object.keys(languageMap), xml: opened.getDataStr() };
};
